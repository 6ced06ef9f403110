#pragma once
// The logger role: under --log-json, makes one event of each raw line that the app writes to its
// descriptors 1 and 2 (print, C libraries, a crashing interpreter), so that every line of the log
// is a JSON object.
//
// A process of its own, started by the master (master/log_target): the app's output must be read
// whatever worker or zygote does or however it dies, the master may not wait for a log target, and
// this process does nothing but wait for one. Where the target is slow, the pipe fills and the
// app's print waits, as it would without us. Unprivileged; no Python; keeps nothing but a line.

namespace mew::logger {

// Reads `input` until its end, then returns 0. SIGTERM (the log is opened again: a successor takes
// over) ends it as well, after all that the pipe held by then.
int run(int input, int output);

}  // namespace mew::logger
