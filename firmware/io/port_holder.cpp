#include "firmware/io/port_holder.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

namespace fog {
namespace {

namespace fs = std::filesystem;

/// Socket inodes that listen on the port, as readlink() of a descriptor names them.
void listening_inodes(const char* table, std::uint16_t port, std::vector<std::string>& out) {
    std::ifstream file(table);
    std::string line;
    std::getline(file, line);
    while (std::getline(file, line)) {
        std::istringstream in(line);
        std::string number, local, remote, state, queues, timer, retransmit, uid, timeout, inode;
        in >> number >> local >> remote >> state >> queues >> timer >> retransmit >> uid >>
            timeout >> inode;
        const auto colon = local.rfind(':');
        if (state != "0A" || colon == std::string::npos) continue;
        if (std::strtoul(local.c_str() + colon + 1, nullptr, 16) == port)
            out.push_back("socket:[" + inode + "]");
    }
}

bool holds_one(const fs::path& process, const std::vector<std::string>& inodes) {
    std::error_code ec;
    for (fs::directory_iterator at(process / "fd", ec), end; !ec && at != end; at.increment(ec)) {
        std::error_code gone;
        const auto target = fs::read_symlink(at->path(), gone).string();
        if (!gone && std::find(inodes.begin(), inodes.end(), target) != inodes.end()) return true;
    }
    return false;
}

}  // namespace

std::string port_holder(std::uint16_t port) {
    std::vector<std::string> inodes;
    listening_inodes("/proc/net/tcp", port, inodes);
    listening_inodes("/proc/net/tcp6", port, inodes);
    if (inodes.empty()) return {};
    std::error_code ec;
    for (fs::directory_iterator at("/proc", ec), end; !ec && at != end; at.increment(ec)) {
        const auto pid = at->path().filename().string();
        if (pid.find_first_not_of("0123456789") != std::string::npos) continue;
        if (!holds_one(at->path(), inodes)) continue;
        std::string name;
        std::getline(std::ifstream(at->path() / "comm"), name);
        return name + " (pid " + pid + ")";
    }
    return {};
}

}  // namespace fog
