# Starts Redis with the users of users.acl, whose passwords come from the environment; docker-compose.yml runs it.
#
#   REDIS_ADMIN_PASSWORD=… REDIS_API_PASSWORD=… REDIS_WORKER_PASSWORD=… \
#     sh start.sh users.acl redis-server - --maxmemory-policy noeviction --appendonly yes
#
# The server reads the users from its standard input (its first argument is `-`): no password is on a disk or in the list
# of processes.
set -eu
users=$1
shift
for name in REDIS_ADMIN_PASSWORD REDIS_API_PASSWORD REDIS_WORKER_PASSWORD; do
  eval "value=\${$name:-}"
  case $value in
    '') echo "$name is not set: Redis is not started." >&2; exit 2 ;;
    *[!A-Za-z0-9_.-]*) echo "$name: letters, digits, and _ . - alone: it stands in a URL. Redis is not started." >&2; exit 2 ;;
  esac
done
eval "exec \"\$@\" <<USERS
$(cat "$users")
USERS"
