# API and workers on Cloud Run, with what the engine google needs. docs/deploy/cloud-run.md goes through it.
#
# Postgres, Redis and the secrets exist before: their passwords would lie in the state otherwise.

module "google" {
  source = "../google"

  project_id        = var.project_id
  bucket_name       = var.bucket_name
  recordings_prefix = "recordings/"
}

locals {
  settings = merge(module.google.settings, {
    TRANSCRIPTS_STORAGE_URL    = "gs://${var.bucket_name}/recordings"
    TRANSCRIPTS_DEFAULT_ENGINE = "google"
    LOG_LEVEL                  = "INFO"
  })
}

resource "google_project_service" "run" {
  project            = var.project_id
  service            = "run.googleapis.com"
  disable_on_destroy = false
}

resource "google_secret_manager_secret_iam_member" "reads" {
  for_each = toset(concat(values(var.secrets), [var.migrate_database_url]))

  project   = var.project_id
  secret_id = each.value
  role      = "roles/secretmanager.secretAccessor"
  member    = "serviceAccount:${module.google.service_account}"
}

# To sign addresses of the bucket: uploads past 32 MiB go straight there, and players fetch recordings from it.
resource "google_service_account_iam_member" "signs" {
  service_account_id = "projects/${var.project_id}/serviceAccounts/${module.google.service_account}"
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = "serviceAccount:${module.google.service_account}"
}

resource "google_cloud_run_v2_service" "api" {
  project             = var.project_id
  name                = "transcripts-api"
  location            = var.region
  ingress             = "INGRESS_TRAFFIC_ALL"
  deletion_protection = true

  template {
    service_account                  = module.google.service_account
    timeout                          = "3600s" # event streams
    max_instance_request_concurrency = 200

    scaling {
      min_instance_count = var.api_instances.min
      max_instance_count = var.api_instances.max
    }

    vpc_access {
      egress = "PRIVATE_RANGES_ONLY"
      network_interfaces {
        network    = var.network.network
        subnetwork = var.network.subnetwork
      }
    }

    containers {
      image = var.images.api

      ports {
        container_port = 8080 # becomes PORT
      }

      resources {
        limits = {
          cpu    = "1"
          memory = "512Mi"
        }
        cpu_idle          = false # writes of last uses and of idempotent answers go on after the answer
        startup_cpu_boost = true
      }

      dynamic "env" {
        for_each = local.settings
        content {
          name  = env.key
          value = env.value
        }
      }

      dynamic "env" {
        for_each = var.secrets
        content {
          name = env.key
          value_source {
            secret_key_ref {
              secret  = env.value
              version = "latest"
            }
          }
        }
      }

      startup_probe {
        period_seconds    = 2
        timeout_seconds   = 2
        failure_threshold = 30
        http_get {
          path = "/readyz"
          port = 8080
        }
      }

      liveness_probe {
        period_seconds    = 10
        timeout_seconds   = 5
        failure_threshold = 3
        http_get {
          path = "/healthz"
          port = 8080
        }
      }
    }
  }

  depends_on = [google_project_service.run, google_secret_manager_secret_iam_member.reads]
}

resource "google_cloud_run_v2_service_iam_member" "invokes" {
  for_each = toset(var.invokers)

  project  = var.project_id
  location = var.region
  name     = google_cloud_run_v2_service.api.name
  role     = "roles/run.invoker"
  member   = each.value
}

resource "google_cloud_run_v2_worker_pool" "worker" {
  project             = var.project_id
  name                = "transcripts-worker"
  location            = var.region
  deletion_protection = true

  scaling {
    manual_instance_count = var.workers
  }

  template {
    service_account = module.google.service_account

    vpc_access {
      egress = "PRIVATE_RANGES_ONLY"
      network_interfaces {
        network    = var.network.network
        subnetwork = var.network.subnetwork
      }
    }

    containers {
      image = var.images.worker

      resources {
        limits = {
          cpu    = "1"
          memory = "1Gi" # decoded recordings lie in memory here: /tmp is
        }
      }

      dynamic "env" {
        for_each = merge(local.settings, { MAX_JOBS = tostring(var.max_jobs), TRANSCRIPTS_ENGINES = "google" })
        content {
          name  = env.key
          value = env.value
        }
      }

      dynamic "env" {
        for_each = var.secrets
        content {
          name = env.key
          value_source {
            secret_key_ref {
              secret  = env.value
              version = "latest"
            }
          }
        }
      }

      startup_probe {
        period_seconds    = 2
        timeout_seconds   = 2
        failure_threshold = 60
        http_get {
          path = "/healthz"
          port = 8080
        }
      }

      liveness_probe {
        period_seconds    = 10
        timeout_seconds   = 5
        failure_threshold = 3
        http_get {
          path = "/healthz"
          port = 8080
        }
      }
    }
  }

  lifecycle {
    ignore_changes = [scaling]
  }

  depends_on = [google_project_service.run, google_secret_manager_secret_iam_member.reads]
}

# gcloud run jobs execute transcripts-migrate --wait, before a new version is rolled out. With other --args it runs other
# commands of the API's image.
resource "google_cloud_run_v2_job" "migrate" {
  project             = var.project_id
  name                = "transcripts-migrate"
  location            = var.region
  deletion_protection = false

  template {
    template {
      service_account = module.google.service_account
      timeout         = "600s"
      max_retries     = 0

      vpc_access {
        egress = "PRIVATE_RANGES_ONLY"
        network_interfaces {
          network    = var.network.network
          subnetwork = var.network.subnetwork
        }
      }

      containers {
        image   = var.images.api
        command = ["python", "-m"]
        args    = ["deploy.migrations", "upgrade"]

        dynamic "env" {
          for_each = local.settings
          content {
            name  = env.key
            value = env.value
          }
        }

        dynamic "env" {
          for_each = merge(var.secrets, { DATABASE_URL = var.migrate_database_url })
          content {
            name = env.key
            value_source {
              secret_key_ref {
                secret  = env.value
                version = "latest"
              }
            }
          }
        }
      }
    }
  }

  depends_on = [google_project_service.run, google_secret_manager_secret_iam_member.reads]
}
