variable "project_id" {
  description = "The project that transcribes and pays; it exists, and has a billing account"
  type        = string
}

variable "bucket_name" {
  description = "The bucket for Google's audio and results, a name that nobody in the world has yet"
  type        = string
}

variable "bucket_location" {
  description = "Where the bucket lies: on the continent of the locations"
  type        = string
  default     = "US"
}

variable "locations" {
  description = "Where Speech-to-Text may transcribe, the preferred first"
  type        = list(string)
  default     = ["us", "us-central1"]

  validation {
    condition     = length(var.locations) > 0
    error_message = "Name at least one location of Speech-to-Text."
  }
}

variable "delete_after_days" {
  description = "After how many days is deleted what a lost worker has left in the bucket"
  type        = number
  default     = 7

  validation {
    condition     = var.delete_after_days >= 2 && var.delete_after_days <= 30
    error_message = "From 2 days, because economy processing takes up to one, to 30."
  }
}

variable "recordings_prefix" {
  description = "What stands before sessions/ and uploads/ where recordings lie in this bucket, too: recordings/ for gs://bucket/recordings"
  type        = string
  default     = ""

  validation {
    condition     = var.recordings_prefix == "" || endswith(var.recordings_prefix, "/")
    error_message = "It ends with a slash, as in recordings/."
  }
}

variable "service_account_id" {
  description = "The name of the account that workers use"
  type        = string
  default     = "coaching-transcripts"
}
