#pragma once
// Which descriptors of this process are connected to somebody else. The zygote compares before and
// after the import of the app: what is new there will be shared by all workers, who would read each
// other's answers from it.

#include <string>
#include <vector>

namespace mew::python {

struct Connection {
    int fd;
    std::string peer;  // "127.0.0.1:5432", "[::1]:6379", "/run/postgresql/.s.PGSQL.5432"
};

// Pairs whose both ends are in this process (an asyncio loop wakes itself by one) are left out.
std::vector<Connection> list_connections();

}  // namespace mew::python
