#include "client/socket_end.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace mew::client {

void end_by_reset(int socket) {
    const linger at_once{1, 0};
    ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

bool nothing_in_flight(int socket, bool unix_socket) {
    int unread = 0;
    if (::ioctl(socket, FIONREAD, &unread) != 0 || unread != 0) return false;
    if (unix_socket) return true;  // what was sent has arrived
    int unsent = 0;
    return ::ioctl(socket, SIOCOUTQ, &unsent) == 0 && unsent == 0;
}

}  // namespace mew::client
