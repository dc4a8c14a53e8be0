"""The console: the web pages that people open first. README.md beside this file tells how a page is made."""
