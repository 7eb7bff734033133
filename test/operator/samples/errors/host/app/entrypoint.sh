#!/bin/sh
exec /stand-in
