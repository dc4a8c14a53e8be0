output "settings" {
  description = "For the environment of workers, and of the API"
  value = {
    GOOGLE_PROJECT_ID            = var.project_id
    TRANSCRIPTS_GOOGLE_BUCKET    = "gs://${google_storage_bucket.work.name}"
    TRANSCRIPTS_GOOGLE_LOCATIONS = join(",", var.locations)
  }
}

output "service_account" {
  description = "The account that workers use: attach it where they run, or make a key for it"
  value       = google_service_account.worker.email
}
