#!/bin/sh
set -eu
for role in $ROLES; do
  psql -c "create role $role"
done
