#pragma once
// Which order stands for what: the letters of master-fifo, and the options whose files the watcher
// looks after. The supervisor carries them out.

#include <span>
#include <string>
#include <string_view>

#include "control/watch_list.h"

namespace mew::master {

class Supervisor;

using Order = void (Supervisor::*)(const std::string& why);

struct Letter {
    char letter;
    std::string_view meaning;
    Order order;
};

// Null: no such letter.
const Letter* find_letter(char letter);
// "r reload, c ...": what there is.
std::string letters_text();

Order order_of(control::Trigger trigger);

}  // namespace mew::master
