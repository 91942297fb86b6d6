#!/bin/sh
# Unpacks MySQL and the libraries that it needs, from Debian's unstable, into the folder $1. Nothing is installed.
set -eu
folder=$1
mkdir -p "$folder/lists/partial" "$folder/cache/archives/partial" "$folder/root"
# With no package installed, apt resolves every library.
: > "$folder/status"
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | head -n 1)
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror sid main" > "$folder/list"
apt() {
  apt-get -qq -o Dir::Etc::sourcelist="$folder/list" -o Dir::Etc::sourceparts=/dev/null \
    -o Dir::Etc::preferencesparts=/dev/null -o Dir::State::lists="$folder/lists" -o Dir::State::status="$folder/status" \
    -o Dir::Cache="$folder/cache" -o Acquire::Languages=none -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false \
    -o APT::Sandbox::User=root -o Debug::NoLocking=1 "$@"
}
apt update
apt install -y --no-install-recommends --download-only mysql-server-core
for package in "$folder"/cache/archives/*.deb; do
  case $package in
    *perl*) ;;
    *) dpkg-deb -x "$package" "$folder/root" ;;
  esac
done
rm -rf "$folder/cache" "$folder/lists"
