# What the engine google needs at Google, in a project that exists. docs/google.md tells how it is used.

data "google_project" "this" {
  project_id = var.project_id
}

resource "google_project_service" "speech" {
  project            = var.project_id
  service            = "speech.googleapis.com"
  disable_on_destroy = false
}

# Google makes its agent with the first call; a grant to an agent that is not there yet would be refused.
resource "google_project_service_identity" "speech" {
  provider = google-beta

  project = var.project_id
  service = google_project_service.speech.service
}

resource "google_storage_bucket" "work" {
  project                     = var.project_id
  name                        = var.bucket_name
  location                    = var.bucket_location
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  # Workers delete what they have read; this deletes what a lost worker has not.
  lifecycle_rule {
    condition {
      age            = var.delete_after_days
      matches_prefix = ["results/", "staged/"]
    }
    action {
      type = "Delete"
    }
  }

  # Workers delete uploads that nobody finished, too, after TRANSCRIPTS_UPLOAD_HOURS, which are a week at most.
  lifecycle_rule {
    condition {
      age            = 8
      matches_prefix = ["${var.recordings_prefix}uploads/"]
    }
    action {
      type = "Delete"
    }
  }

  # Deleted audio is gone, and is not paid for during another week.
  soft_delete_policy {
    retention_duration_seconds = 0
  }
}

resource "google_service_account" "worker" {
  project      = var.project_id
  account_id   = var.service_account_id
  display_name = "Workers of Coaching Transcripts"
}

# Not roles/speech.client: that one may not cancel operations.
resource "google_project_iam_member" "worker_speech" {
  project = var.project_id
  role    = "roles/speech.editor"
  member  = google_service_account.worker.member
}

resource "google_storage_bucket_iam_member" "worker_objects" {
  bucket = google_storage_bucket.work.name
  role   = "roles/storage.objectUser"
  member = google_service_account.worker.member
}

# For the doctor, which compares the bucket's region and rules; workers do without.
resource "google_storage_bucket_iam_member" "worker_bucket" {
  bucket = google_storage_bucket.work.name
  role   = "roles/storage.legacyBucketReader"
  member = google_service_account.worker.member
}

# It is this account, not the workers', that reads the audio and writes the results.
resource "google_storage_bucket_iam_member" "agent_objects" {
  bucket = google_storage_bucket.work.name
  role   = "roles/storage.objectUser"
  member = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-speech.iam.gserviceaccount.com"

  depends_on = [google_project_service_identity.speech]
}
