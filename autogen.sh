#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Makes ./configure from configure.ac. Needed once in a git clone; a release has it already.
set -eu
cd "$(dirname "$0")"

missing=
need() { # program, Debian's and Fedora's package
    command -v "$1" >/dev/null 2>&1 && return
    echo "autogen.sh: $1 is missing: apt-get install $2 (Debian), dnf install $3 (Fedora)" >&2
    missing=yes
}
need autoreconf autoconf autoconf
need automake automake automake
need pkg-config pkgconf pkgconf-pkg-config
[ -z "$missing" ] || exit 1

autoreconf --force --install "$@"
echo "Ready: ./configure && make && make check && sudo make install"
