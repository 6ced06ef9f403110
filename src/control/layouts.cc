#include "control/layouts.h"

#include "control/gate.h"
#include "control/message.h"
#include "stats/board.h"
#include "stats/front_board.h"

namespace mew::control {
namespace {

struct Row {
    const char* name;
    std::uint64_t Layouts::*number;
};
constexpr Row kRows[] = {
    {"orders", &Layouts::orders}, {"gate", &Layouts::gate},         {"board", &Layouts::board},
    {"slot", &Layouts::slot},     {"handover", &Layouts::handover}, {"mailbox", &Layouts::mailbox},
    {"fronts", &Layouts::fronts},
};

}  // namespace

Layouts own_layouts() {
    Layouts layouts;
    layouts.orders = kVersion;
    layouts.gate = kGateMagic;
    layouts.board = stats::kBoardVersion;
    layouts.slot = sizeof(stats::Slot);
    layouts.handover = kHandoverVersion;
    layouts.mailbox = kMailboxVersion;
    layouts.fronts = stats::kFrontBoardVersion;
    return layouts;
}

std::string difference(const Layouts& one, const Layouts& other) {
    std::string names;
    for (const Row& row : kRows) {
        if (one.*row.number == other.*row.number) continue;
        if (!names.empty()) names += ", ";
        names += row.name;
    }
    return names;
}

void write_layouts(base::Writer& writer, const Layouts& layouts) {
    for (const Row& row : kRows) writer.number(layouts.*row.number);
}

void read_layouts(base::Reader& reader, Layouts& layouts) {
    for (const Row& row : kRows) reader.number(layouts.*row.number);
}

}  // namespace mew::control
