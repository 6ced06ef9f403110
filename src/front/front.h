#pragma once
// The front role: owns the clients' connections of the routed sockets, and gives whole requests to
// workers through mailboxes. Native, no Python; unprivileged, confined to one folder and to the
// system calls of an epoll server. Started by the master (master/front_handle), which says by
// messages what it serves from and which workers there are.
//
//   hello > (front_boot) > ready > (channel: accepts from then on) > (retire) > left

namespace mew::front {

// Until the master closes its end of `control`, or orders the end; gives the exit status.
int run(int control);

}  // namespace mew::front
