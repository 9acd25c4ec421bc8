#!/bin/sh
# Runs Mosquitto and has it read its password file again whenever a gateway was enrolled or revoked.
# Usage: run.sh DIRECTORY   (holding mosquitto.conf, acl and passwd)
set -eu
directory=$1
while [ ! -s "$directory/mosquitto.conf" ] || [ ! -s "$directory/passwd" ]; do sleep 0.2; done
# Compared by content: two quick changes can bring the same inode and time back. Taken before the broker reads.
seen=$(cksum <"$directory/passwd")
mosquitto -c "$directory/mosquitto.conf" &
broker=$!
trap 'kill "$broker" 2>/dev/null' TERM INT
while kill -0 "$broker" 2>/dev/null; do
  sleep 0.5
  now=$(cksum <"$directory/passwd")
  if [ "$now" != "$seen" ]; then
    seen=$now
    kill -HUP "$broker"
  fi
done
wait "$broker"
