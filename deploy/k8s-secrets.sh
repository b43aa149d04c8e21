#!/bin/sh
# Writes the Secrets of deploy/k8s to standard output, for `kubectl apply -f -`. The folder $1 holds
# database_url and redis_url, those of the owner of the tables. What else is missing in it is made: the
# key of the installation, and a login for each program. Keep the folder, and apply again when a file
# has changed.
set -eu
umask 077
sh "$(dirname "$0")/access-urls.sh" "$1"
cd "$1"
[ -e secret_key ] || od -An -N32 -tx1 /dev/urandom | tr -d ' \n' > secret_key
# Empty until the key is rotated, until there is a mail server and an identity provider.
for name in previous_secret_key smtp_url oidc_client_secret; do
    [ -e "$name" ] || : > "$name"
done

secret() { # the Secret of the program $1, of the files that follow, each as KEY=FILE
    printf -- '---\napiVersion: v1\nkind: Secret\nmetadata: {name: waybill-%s, namespace: waybill}\ndata:\n' "$1"
    shift
    for pair in "$@"; do
        printf '  %s: "%s"\n' "${pair%%=*}" "$(base64 < "${pair#*=}" | tr -d '\n')"
    done
}

keys="WAYBILL_SECRET_KEY=secret_key WAYBILL_PREVIOUS_SECRET_KEY=previous_secret_key"
# Not quoted: several words.
# shellcheck disable=SC2086
{
    secret ingest REDIS_URL=ingest_redis_url $keys
    secret workers REDIS_URL=workers_redis_url DATABASE_URL=workers_database_url $keys \
        WAYBILL_SMTP_URL=smtp_url
    secret console REDIS_URL=console_redis_url DATABASE_URL=console_database_url $keys \
        WAYBILL_SMTP_URL=smtp_url WAYBILL_OIDC_CLIENT_SECRET=oidc_client_secret
    secret metrics REDIS_URL=metrics_redis_url DATABASE_URL=metrics_database_url $keys
    # The owner of the tables, who creates the logins of the others.
    secret owner REDIS_URL=redis_url DATABASE_URL=database_url $keys
    secret logins ingest_redis_url=ingest_redis_url workers_redis_url=workers_redis_url \
        workers_database_url=workers_database_url console_redis_url=console_redis_url \
        console_database_url=console_database_url metrics_redis_url=metrics_redis_url \
        metrics_database_url=metrics_database_url
}
