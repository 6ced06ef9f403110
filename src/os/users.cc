#include "os/users.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <limits>

namespace mew::os {
namespace {

struct User {
    uid_t uid;
    gid_t gid;
    std::string name;
};

// Ids are 32 bits; the highest one means "none" to the kernel.
std::optional<std::uint32_t> parse_id(const std::string& text) {
    std::uint32_t id = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), id);
    if (problem != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    if (id == std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
    return id;
}

// Runs a get..._r call with a buffer that grows as it asks for.
template <class Entry, class Call>
bool look_up(Entry& entry, std::vector<char>& buffer, Call call) {
    for (std::size_t size = 1024; size <= (1 << 20); size *= 2) {
        buffer.resize(size);
        Entry* found = nullptr;
        const int problem = call(&entry, buffer.data(), buffer.size(), &found);
        if (problem == ERANGE) continue;
        return problem == 0 && found != nullptr;
    }
    return false;
}

std::optional<User> find_user(const std::string& name) {
    passwd entry{};
    std::vector<char> buffer;
    const bool found = look_up(entry, buffer, [&](auto* e, char* b, std::size_t n, auto** f) {
        return ::getpwnam_r(name.c_str(), e, b, n, f);
    });
    if (!found) return std::nullopt;
    return User{entry.pw_uid, entry.pw_gid, entry.pw_name};
}

std::optional<User> find_user(uid_t uid) {
    passwd entry{};
    std::vector<char> buffer;
    const bool found = look_up(entry, buffer, [&](auto* e, char* b, std::size_t n, auto** f) {
        return ::getpwuid_r(uid, e, b, n, f);
    });
    if (!found) return std::nullopt;
    return User{entry.pw_uid, entry.pw_gid, entry.pw_name};
}

base::Result<gid_t> resolve_group(const std::string& text) {
    group entry{};
    std::vector<char> buffer;
    const bool found = look_up(entry, buffer, [&](auto* e, char* b, std::size_t n, auto** f) {
        return ::getgrnam_r(text.c_str(), e, b, n, f);
    });
    if (found) return entry.gr_gid;
    if (const auto id = parse_id(text)) return static_cast<gid_t>(*id);
    return base::fail("there is no group '" + text + "' on this machine");
}

// A name wins over a number that looks alike, as POSIX wants it for chown.
base::Result<User> resolve_user(const std::string& text, bool& known) {
    auto user = find_user(text);
    const auto id = parse_id(text);
    if (!user && id) user = find_user(static_cast<uid_t>(*id));
    known = user.has_value();
    if (user) return *user;
    if (id) return User{static_cast<uid_t>(*id), 0, ""};
    return base::fail("there is no user '" + text + "' on this machine");
}

std::vector<gid_t> groups_of(const std::string& user, gid_t gid) {
    for (int size = 32; size <= 65536; size *= 2) {
        std::vector<gid_t> groups(static_cast<std::size_t>(size));
        int count = size;
        if (::getgrouplist(user.c_str(), gid, groups.data(), &count) < 0) continue;
        groups.resize(static_cast<std::size_t>(count));
        return groups;
    }
    return {gid};
}

bool already_is(const Identity& identity) {
    uid_t r = 0;
    uid_t e = 0;
    uid_t s = 0;
    ::getresuid(&r, &e, &s);
    if (identity.uid && (r != *identity.uid || e != *identity.uid || s != *identity.uid))
        return false;
    gid_t rg = 0;
    gid_t eg = 0;
    gid_t sg = 0;
    ::getresgid(&rg, &eg, &sg);
    return !identity.gid || (rg == *identity.gid && eg == *identity.gid && sg == *identity.gid);
}

std::string describe(const Identity& identity) {
    if (!identity.user.empty()) return "user " + identity.user;
    if (identity.uid) return "user " + std::to_string(*identity.uid);
    return "group " + std::to_string(identity.gid.value_or(0));
}

}  // namespace

base::Result<Identity> resolve_identity(const std::string& user, const std::string& group) {
    Identity identity;
    if (!group.empty()) {
        auto gid = resolve_group(group);
        if (!gid) return std::move(gid).failure();
        identity.gid = *gid;
        identity.groups = {*gid};
    }
    if (user.empty()) return identity;
    bool known = false;
    auto found = resolve_user(user, known);
    if (!found) return std::move(found).failure();
    identity.uid = found->uid;
    if (!known) {
        if (identity.gid) return identity;
        return base::fail("no user of this machine has the number " + user +
                          ", so its group is unknown; give the group as well (gid)");
    }
    identity.user = found->name;
    if (!identity.gid) identity.gid = found->gid;
    identity.groups = groups_of(found->name, *identity.gid);
    return identity;
}

base::Result<Owner> resolve_owner(const std::string& text) {
    Owner owner;
    const std::size_t colon = text.find(':');
    const std::string user = text.substr(0, colon);
    const std::string group = colon == std::string::npos ? "" : text.substr(colon + 1);
    if (user.empty() && group.empty())
        return base::fail("'" + text + "' names no owner; write user, user:group or :group");
    if (!user.empty()) {
        bool known = false;
        auto found = resolve_user(user, known);
        if (!found) return std::move(found).failure();
        owner.uid = found->uid;
    }
    if (!group.empty()) {
        auto gid = resolve_group(group);
        if (!gid) return std::move(gid).failure();
        owner.gid = *gid;
    }
    return owner;
}

base::Result<void> take_identity(const Identity& identity) {
    if (!identity.uid && !identity.gid) return {};
    // Without privileges setgroups would fail, though nothing is to be changed. Root that stays
    // root still gets the groups that were asked for.
    if (::geteuid() != 0 && already_is(identity)) return {};
    const std::string who = describe(identity);
    if (::setgroups(identity.groups.size(), identity.groups.data()) != 0)
        return base::fail_errno("cannot become " + who + " (only root can: setgroups)");
    if (identity.gid && ::setresgid(*identity.gid, *identity.gid, *identity.gid) != 0)
        return base::fail_errno("cannot become " + who + " (setgid)");
    if (identity.uid && ::setresuid(*identity.uid, *identity.uid, *identity.uid) != 0)
        return base::fail_errno("cannot become " + who + " (setuid)");
    if (!already_is(identity)) return base::fail("could not become " + who + " for good");
    if (identity.uid && *identity.uid != 0 && ::setuid(0) == 0)
        return base::fail("became " + who + ", but could become root again: not safe to go on");
    return {};
}

}  // namespace mew::os
