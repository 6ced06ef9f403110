#pragma once
// One option on its way from where it was written to the table: not yet expanded, not yet applied.

#include <cstdint>
#include <string>

namespace mew::options {

// Decides what an unknown name is: environment warns, lenient makes a placeholder, strict refuses.
enum class Source : std::uint8_t { environment, lenient, strict };

struct Item {
    std::string name;  // as written
    std::string value;
    bool bare = false;
    std::string origin;
    Source source = Source::strict;
    bool from_file = false;
    bool placeholder = false;  // by set-placeholder: never an option
    bool set_by_name = false;  // by set: a placeholder where no option has the name
};

}  // namespace mew::options
