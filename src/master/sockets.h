#pragma once
// The listening sockets of this server: which of them it was started with and which it binds, and
// what is spoken on each. Used once by the launcher, in two steps, since numbers of inherited
// descriptors must be looked at before the master opens anything of its own, and binding comes
// when there is a log to tell of it.

#include <optional>
#include <string>
#include <vector>

#include "net/inherited.h"
#include "net/listener.h"
#include "options/options.h"

namespace mew::master {

class Sockets {
public:
    Sockets(const options::Options& options, std::vector<net::Inherited> passed);

    // What is wrong with inherited sockets; empty: they are taken over.
    std::vector<std::string> adopt();
    // Binds the others and tells of all. What could not be bound is returned; the rest stays bound.
    std::vector<std::string> bind(std::vector<net::Listener>& listeners);

private:
    struct Wanted {
        options::ListenAddress listen;
        std::optional<net::Listener> listener;  // an inherited one
    };

    options::ListenAddress without_share(options::ListenAddress listen);
    void serve_all_passed();
    std::optional<net::Inherited> find_passed(const options::ListenAddress& listen);
    net::Inherited take_number(int fd);
    void warn_of_unused() const;

    const options::Options& options_;
    std::vector<net::Inherited> passed_;  // not yet taken
    std::vector<bool> share_used_;
    std::vector<Wanted> wanted_;  // in the order of the options
};

}  // namespace mew::master
