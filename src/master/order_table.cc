#include "master/order_table.h"

#include <algorithm>
#include <iterator>

#include "master/supervisor.h"

namespace mew::master {
namespace {

using control::Trigger;

// As far as uWSGI has them they mean the same; its brutal R is the upgrade here, as a reload that
// cuts requests is nobody's wish.
constexpr Letter kLetters[] = {
    {'r', "reload", &Supervisor::ask_reload},
    {'c', "reload one worker after the other", &Supervisor::ask_chain_reload},
    {'w', "reload (the workers, and so all of it)", &Supervisor::ask_reload},
    {'R', "upgrade", &Supervisor::ask_upgrade},
    {'q', "stop", &Supervisor::ask_stop},
    {'Q', "stop at once", &Supervisor::ask_stop_at_once},
    {'s', "status to the log", &Supervisor::log_status},
    {'l', "open the log again", &Supervisor::reopen_logs},
};

struct TriggerRow {
    Trigger trigger;
    Order order;
};
constexpr TriggerRow kTriggerRows[] = {
    {Trigger::touch_reload, &Supervisor::ask_reload},
    {Trigger::touch_workers_reload, &Supervisor::ask_reload},
    {Trigger::touch_chain_reload, &Supervisor::ask_chain_reload},
    {Trigger::fs_reload, &Supervisor::ask_reload},
    {Trigger::touch_logreopen, &Supervisor::reopen_logs},
    {Trigger::module_file, &Supervisor::ask_reload},
    {Trigger::certificates, &Supervisor::read_certificates},
};
static_assert(std::size(kTriggerRows) == control::kTriggers);

}  // namespace

const Letter* find_letter(char letter) {
    const auto* const found =
        std::find_if(std::begin(kLetters), std::end(kLetters),
                     [letter](const Letter& row) { return row.letter == letter; });
    return found == std::end(kLetters) ? nullptr : found;
}

std::string letters_text() {
    std::string text;
    for (const Letter& row : kLetters)
        text += (text.empty() ? "" : ", ") + std::string(1, row.letter) + " " +
                std::string(row.meaning);
    return text;
}

Order order_of(Trigger trigger) { return kTriggerRows[static_cast<std::size_t>(trigger)].order; }

}  // namespace mew::master
