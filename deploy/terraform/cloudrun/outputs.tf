output "url" {
  description = "Where the API answers: TRANSCRIPTS_URL of its clients"
  value       = google_cloud_run_v2_service.api.uri
}

output "migrate" {
  description = "What brings the database to the newest schema"
  value       = "gcloud run jobs execute ${google_cloud_run_v2_job.migrate.name} --project=${var.project_id} --region=${var.region} --wait"
}
