#!/usr/bin/env bash
echo "taken: ${DOCUMENT_ID}"
