# Runs a throw-away PostgreSQL for one test process, until that process closes our standard input: by ending,
# by a panic, or because it was killed. Speaks two lines at most: `ready BIN DIR`, or `failed SENTENCE`.

# The watch must outlive a Ctrl-C at the terminal; the end of the input is what ends it.
trap '' HUP INT TERM

failed() {
    echo "failed $1"
    exit 1
}

# Debian keeps the server's programs off PATH, in a folder for each version.
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
if [ ! -x "$bin/initdb" ]; then
    bin=$(dirname "$(command -v initdb)")
fi
[ -x "$bin/initdb" ] || failed "These tests need PostgreSQL's server: apt-get install postgresql"

# A socket's path must stay under 107 bytes, so a long TMPDIR is passed over.
parent=${TMPDIR:-/tmp}
[ ${#parent} -le 60 ] || parent=/tmp
dir=$(mktemp -d "$parent/keyward-pg.XXXXXX") || failed "No folder for PostgreSQL could be made in $parent"
cd "$dir" || failed "The folder $dir can't be entered"

# initdb refuses to run as root.
as_postgres=
if [ "$(id -u)" = 0 ]; then
    chown postgres "$dir" || failed "The user postgres is missing: apt-get install postgresql"
    as_postgres="setpriv --reuid=postgres --regid=postgres --clear-groups"
fi

stop() {
    $as_postgres "$bin/pg_ctl" stop -D "$dir/data" -m immediate >/dev/null 2>&1
    cd / && rm -rf "$dir"
}

$as_postgres "$bin/initdb" -D "$dir/data" -U keyward -A trust -E UTF8 --locale=C.UTF-8 --no-sync \
    >"$dir/log" 2>&1 || { tail -5 "$dir/log" >&2; stop; failed "PostgreSQL's initdb failed"; }

# Nothing here has to survive a power cut. Listening on the socket alone avoids clashes of ports.
options="-p 5432 -k $dir -c listen_addresses= -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
options="$options -c max_connections=200 -c shared_buffers=32MB"
$as_postgres "$bin/pg_ctl" start -w -D "$dir/data" -l "$dir/data/log" -o "$options" >/dev/null 2>&1 ||
    { tail -5 "$dir/data/log" >&2; stop; failed "PostgreSQL didn't start"; }

echo "ready $bin $dir"
cat >/dev/null
stop
