#pragma once
// UNIX sockets that are listened on. Internal to net/listener.

#include <string>

#include "base/result.h"
#include "net/listener.h"
#include "os/fd.h"

namespace mew::net {

// `path` absolute. The socket appears under its name ready made: owner, mode and listening.
base::Result<os::Fd> listen_on_path(const std::string& path, const BindSettings& settings,
                                    int backlog);
base::Result<os::Fd> listen_on_abstract(const std::string& name, int backlog);

}  // namespace mew::net
