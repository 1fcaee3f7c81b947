# Runs PostgreSQL until its last user has ended, then removes its folder. Started by cluster.rs, which says what the
# arguments are. A process of its own, because every test is one that may be killed at any moment.
#
# $1: the cluster's folder. In `users` there is a file for each user, named by its process id.
# $2: the file that leads tests to the cluster while it may be used.
# $3: the folder of PostgreSQL's programs.
# $4: the server's options, separated by spaces. Then the words to run the programs with.
folder=$1 address=$2 programs=$3 settings=$4
shift 4
cd /

# shellcheck disable=SC2086 # each setting is several words
"$@" "$programs/postgres" -D "$folder/data" -k "$folder" -c listen_addresses= -c max_connections=400 $settings \
    >/dev/null 2>"$folder/log" &
server=$!

is_used() {
    for user in "$folder"/users/*; do
        kill -0 "${user##*/}" 2>/dev/null && return 0
        rm -f "$user"
    done
    return 1
}

while is_used; do sleep 1; done
# First nobody new may find the way here; then whoever found it before is waited for. A test does it the other way
# around: it enters itself as a user and looks afterwards whether the address still leads here.
[ "$(cat "$address" 2>/dev/null)" = "$folder" ] && rm -f "$address"
while is_used; do sleep 1; done

# QUIT: at once, without writing anything back.
kill -QUIT "$server" 2>/dev/null
wait "$server"
rm -rf "$folder"
