#pragma once
// Names of uWSGI's options that mewsgi does not have yet: told apart from typing mistakes.

#include <cstdint>
#include <span>
#include <string_view>

namespace mew::options {

enum class Argument : std::uint8_t { none, optional, required };

struct UwsgiName {
    std::string_view name;
    char short_form;
    Argument argument;
};

std::span<const UwsgiName> uwsgi_names();
const UwsgiName* find_uwsgi_name(std::string_view name);
const UwsgiName* find_uwsgi_short(char letter);

// Ignoring these would leave the server deaf, or without part of its configuration.
bool must_not_be_ignored(std::string_view name);
// What to do instead; empty where there is nothing to say.
std::string_view advice_for(std::string_view name);

}  // namespace mew::options
