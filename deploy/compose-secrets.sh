#!/bin/sh
# Creates deploy/secrets, a file for each secret of compose.yaml, and replaces none that there is.
# Only root, or whoever owns the folder, can enter it; the programs in containers, which have users of
# their own, get single files of it.
set -eu
umask 077
cd "$(dirname "$0")"
mkdir -p secrets
cd secrets

create() { # a file with this name and text, unless it exists
    [ -e "$1" ] || printf '%s\n' "$2" > "$1"
    chmod 444 "$1"
}

for name in postgres_password redis_password grafana_password secret_key; do
    create "$name" "$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')"
done
# Those of the owner of the tables, who creates the logins below. No other program gets them.
create database_url "postgresql://waybill:$(cat postgres_password)@postgres/waybill"
create redis_url "redis://:$(cat redis_password)@redis:6379/0"
sh ../access-urls.sh .
chmod 444 ./*_url
# Empty until the key is rotated (docs/operations.md, "The key"), until there is a mail server, and
# until people sign in by an identity provider.
create previous_secret_key ""
create smtp_url ""
create oidc_client_secret ""
