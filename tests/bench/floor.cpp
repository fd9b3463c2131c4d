#include "tests/bench/floor.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/bench/proc.hpp"

namespace fog::bench {
namespace {

struct Message {
    std::int64_t stamp;
    std::uint32_t group;
};

[[noreturn]] void serve(int listener, int messages, std::uint32_t bytes) {
    const int poll = ::epoll_create1(0);
    const auto watch = [&](int fd) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.fd = fd;
        ::epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
    };
    watch(listener);
    watch(messages);
    std::map<unsigned, std::vector<int>> groups;
    std::string text;
    const auto join = [&](int client) {
        char group = 0;
        if (::recv(client, &group, 1, MSG_DONTWAIT) != 1) {
            ::epoll_ctl(poll, EPOLL_CTL_DEL, client, nullptr);
            return;
        }
        groups[static_cast<unsigned char>(group)].push_back(client);
        (void)!::send(client, "+", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    };
    const auto accept = [&] {
        const int client = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
        const int on = 1;
        ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        watch(client);
    };
    const auto deliver = [&] {
        Message one{};
        if (::read(messages, &one, sizeof(one)) != sizeof(one)) ::_exit(0);
        text = "\"v\":" + std::to_string(one.stamp) + ",";
        text.resize(std::max<std::size_t>(bytes, text.size()), 'x');
        for (const int client : groups[one.group])
            (void)!::send(client, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    };
    std::array<epoll_event, 64> events{};
    for (;;) {
        const int count = ::epoll_wait(poll, events.data(), static_cast<int>(events.size()), -1);
        for (int i = 0; i < count; ++i) {
            const int fd = events[static_cast<std::size_t>(i)].data.fd;
            if (fd == listener)
                accept();
            else if (fd == messages)
                deliver();
            else
                join(fd);
        }
    }
}

}  // namespace

FloorServer::FloorServer(std::uint32_t message_bytes) {
    const Fd listener(::socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    std::array<int, 2> pipe{};
    if (::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(listener.get(), 4096) != 0 ||
        ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
        ::pipe(pipe.data()) != 0)
        fail("no socket for the send loop");
    port_ = ntohs(address.sin_port);
    pid_ = ::fork();
    if (pid_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::close(pipe[1]);
        serve(listener.get(), pipe[0], message_bytes);
    }
    ::close(pipe[0]);
    messages_ = Fd(pipe[1]);
}

FloorServer::~FloorServer() {
    end_process(pid_);
}

void FloorServer::send(unsigned group, std::int64_t stamp_us) {
    const Message one{stamp_us, group};
    if (::write(messages_.get(), &one, sizeof(one)) != sizeof(one)) fail("the send loop is gone");
}

}  // namespace fog::bench
