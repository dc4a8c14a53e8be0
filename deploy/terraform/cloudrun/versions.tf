terraform {
  required_version = ">= 1.5"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 7.6, < 8.0" # health checks of worker pools
    }
    google-beta = {
      source  = "hashicorp/google-beta"
      version = ">= 7.6, < 8.0"
    }
  }
}
