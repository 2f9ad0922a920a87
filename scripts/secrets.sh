#!/bin/sh
# Makes the secrets of docker-compose.yml in a folder: `make secrets DIR=/etc/vigie/secrets`. What is there stays as it is.
# The folder keeps everybody out; the files in it can be read by the accounts of the containers they are given to.
set -eu
dir=${1:?name the folder: make secrets DIR=/etc/vigie/secrets}
umask 077
mkdir -p "$dir"
chmod 700 "$dir"
for name in secret_key database_password broker_password; do
    [ -e "$dir/$name" ] && continue
    # 48 random bytes, as letters and digits that pass through every configuration file unharmed.
    head -c 48 /dev/urandom | base64 | tr -d '\n' | tr '+/' 'pq' >"$dir/$name.new"
    chmod 444 "$dir/$name.new"
    mv "$dir/$name.new" "$dir/$name"
    echo "vigie: made $dir/$name"
done
