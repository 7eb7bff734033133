#!/bin/sh
cat <<CONF > /redis.conf
requirepass $REDISPASS
CONF
exec redis-server /redis.conf
