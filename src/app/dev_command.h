#pragma once
// `mewsgi dev APP`: the option dev, with a port that is free and a terminal that is left as it was.

#include <termios.h>

#include <string>
#include <vector>

#include "options/load.h"

namespace mew::app {

// "dev" as the first argument is the option.
std::vector<std::string> dev_arguments(const std::vector<std::string>& rest);

// Nobody named an address and the usual port is taken: the next free one, as an argument that
// reloads will find again, and a line that says so. False: nothing to change.
bool choose_free_port(const options::Loaded& loaded, std::vector<std::string>& arguments);

// Puts the terminal's modes back: a debugger that was ended at its prompt leaves no echo.
class TerminalModes {
public:
    TerminalModes() : known_(::tcgetattr(0, &modes_) == 0) {}
    TerminalModes(const TerminalModes&) = delete;
    TerminalModes(TerminalModes&&) = delete;
    TerminalModes& operator=(const TerminalModes&) = delete;
    TerminalModes& operator=(TerminalModes&&) = delete;
    ~TerminalModes() {
        if (known_) ::tcsetattr(0, TCSADRAIN, &modes_);
    }

private:
    termios modes_{};
    bool known_;
};

}  // namespace mew::app
