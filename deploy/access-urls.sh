#!/bin/sh
# Makes the logins of each program in the folder $1: beside the URLs of the owner of the tables, which
# are there as database_url and redis_url, the files ingest_redis_url, workers_redis_url,
# workers_database_url and so on, with a user of its own and a random password in each. Replaces none
# that there is. `waybill access create` then makes users and roles that match.
set -eu
umask 077
cd "$1"

own_url() { # the URL in the file $2, with a user of the program $1 in place of the owner
    [ -e "$1_$2" ] && return
    url="$(cat "$2")"
    # There they would be the login that counts: each program would be the owner.
    case "$url" in *[?\&]user=* | *[?\&]username=* | *[?\&]password=*)
        echo "$2: put the user and the password before the host, and try again." >&2
        exit 1 ;;
    esac
    rest="${url#*//}"
    hosts="${rest%%/*}"
    password="$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')"
    # By the shell itself: every user of the machine can see the command lines of others.
    printf '%s\n' "${url%%//*}//waybill_$1:$password@${hosts##*@}${rest#"$hosts"}" > "$1_$2"
}

for program in ingest workers console metrics; do
    own_url "$program" redis_url
    [ "$program" = ingest ] || own_url "$program" database_url
done
