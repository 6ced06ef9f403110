#pragma once
// Users and groups: from the names or numbers in options to ids, and taking them on. Names are
// resolved before any socket is bound, so that a mistake is told with the others.

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace mew::os {

// What a process shall become. Absent: unchanged.
struct Identity {
    std::optional<uid_t> uid;
    std::optional<gid_t> gid;
    std::vector<gid_t> groups;  // supplementary; set whenever uid or gid is
    std::string user;           // as the system names it; empty for a number without an entry
};

// `user` and `group` are a name or a number each, or empty. A user without a group brings its
// primary group along; a number that no user has, without a group, is an error.
base::Result<Identity> resolve_identity(const std::string& user, const std::string& group);

// "user", "user:group", ":group" (as chown takes it); an absent part stays as it is.
struct Owner {
    std::optional<uid_t> uid;
    std::optional<gid_t> gid;
};
base::Result<Owner> resolve_owner(const std::string& text);

// Groups, then gid, then uid, all three of each; verifies that the way back is shut. A process that
// already is what it shall become needs no privilege.
base::Result<void> take_identity(const Identity& identity);

}  // namespace mew::os
