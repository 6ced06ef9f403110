#pragma once
// The paths that apps are mounted at, and which of them a request is for. Pure, knows no Python;
// run by workers with more than one app, by way of python/mounted_apps.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mew::python {

class Mounts {
public:
    static constexpr std::size_t kNone = SIZE_MAX;

    // "/shop", never with a slash at its end; "" takes what no other takes.
    void add(std::string prefix) { prefixes_.push_back(std::move(prefix)); }
    std::string_view prefix(std::size_t mount) const { return prefixes_[mount]; }

    // The longest prefix that is the path or whole segments at its beginning, in the order of
    // add(): /shop takes /shop and /shop/cart, not /shopping. `path` is decoded.
    std::size_t find(std::string_view path) const;
    // The one that a web server chose by its SCRIPT_NAME; else the one for the rest.
    std::size_t find_chosen(std::string_view script_name) const;

private:
    std::size_t find_equal(std::string_view prefix) const;

    std::vector<std::string> prefixes_;
};

}  // namespace mew::python
