variable "project_id" {
  description = "The project that everything runs in; it exists, and has a billing account"
  type        = string
}

variable "bucket_name" {
  description = "The bucket for recordings, and for Google's audio and results; a name that nobody in the world has yet"
  type        = string
}

variable "images" {
  description = "The images of the API and of the worker for Cloud Run, with their tags or digests, as they were pushed"
  type = object({
    api    = string
    worker = string
  })
}

variable "network" {
  description = "The network and the subnetwork from which Postgres and Redis are reached by private addresses"
  type = object({
    network    = string
    subnetwork = string
  })
}

variable "region" {
  description = "Where the services run: near Postgres and Redis"
  type        = string
  default     = "us-central1"
}

variable "secrets" {
  description = "The secrets of Secret Manager that hold the settings of these names; Terraform never sees what is in them"
  type        = map(string)
  default = {
    DATABASE_URL       = "transcripts-database-url"
    REDIS_URL          = "transcripts-redis-url"
    TRANSCRIPTS_PEPPER = "transcripts-pepper"
  }
}

variable "migrate_database_url" {
  description = "The secret that holds DATABASE_URL of the role that owns the tables; the same as the services' works"
  type        = string
  default     = "transcripts-database-url"
}

variable "api_instances" {
  description = "The least and the most instances of the API"
  type = object({
    min = number
    max = number
  })
  default = {
    min = 1
    max = 4
  }
}

variable "workers" {
  description = "How many workers there are at first; later numbers are people's or the scaler's, and are left alone"
  type        = number
  default     = 2

  validation {
    condition     = var.workers >= 1
    error_message = "One worker at the least: without any, jobs wait for ever."
  }
}

variable "max_jobs" {
  description = "Jobs that one worker holds at once"
  type        = number
  default     = 50
}

variable "invokers" {
  description = "Who gets as far as the API, which then asks for a key: allUsers, or members of yours"
  type        = list(string)
  default     = ["allUsers"]
}
