#pragma once
// How the end of a client's socket looks to the client.

namespace mew::client {

// The close that follows is a reset: a broken answer must not look complete.
void end_by_reset(int socket);
// Has what was sent arrived, and is nothing unread? A close before that, or with unread bytes,
// makes the kernel reset the connection and drop what is unsent (RFC 9112 9.6).
bool nothing_in_flight(int socket, bool unix_socket);

}  // namespace mew::client
