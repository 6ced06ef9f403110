#pragma once
// The watcher role: tells the master when a file changed that stands for a wish (touch-reload and
// its like) or that the app was made from (py-autoreload).
//
// A process of its own, started by the master (master/watcher_handle) when an option asks for it:
// looking at files may hang for ever where their server is gone, and the master must never wait.
// Unprivileged; no Python; keeps nothing that a successor would not be told. Wakes up for events
// alone, except for files whose changes this kernel does not hear of.

namespace mew::watcher {

// Until the master closes its end of `control`; gives the exit status.
int run(int control);

}  // namespace mew::watcher
