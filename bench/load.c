/* The load generator and the echo of the benchmark: one process, one thread, one epoll, so that a
 * proxy between its two ends has the other core for itself.
 *
 *   load                    the echo is plain
 *   load CERTIFICATE KEY    the echo speaks TLS
 *
 * It prints {"port": N}, the echo's port on 127.0.0.1, and then one JSON object for each line of
 * its input. Times are in seconds, latencies in microseconds. PEER stands for "PORT TLS TARGET",
 * TLS being 0 or 1; the load generator does not verify certificates.
 *
 *   reset                                     binary messages, no further field lines
 *   json                                      text messages that are JSON objects
 *   audio                                     the same, in the form of OpenAI's audio
 *   field NAME: VALUE                         a field line of the opening handshakes from now on
 *   rounds PEER CONNECTIONS SIZE SECONDS      a closed loop: one message under way on each session
 *   paced PEER CONNECTIONS SIZE RATE SECONDS  an open loop: RATE messages a second on each session
 *   hold PEER CONNECTIONS                     opens sessions and leaves them idle
 *   stall PEER CONNECTIONS SIZE               opens sessions that send all they can and never read
 *   drop                                      ends the sessions of `hold` and `stall`
 *   open PEER RATE SECONDS                    opens sessions at a rate, and closes each
 *   churn PEER SESSIONS AT_ONCE               the same as fast as it goes, AT_ONCE under way
 *
 * `rounds` and `paced` answer {"ready": N} when all sessions are open and one message has gone there
 * and back on each (some proxies dial the upstream only then), run at the line "go", answer with the
 * figures, and close the sessions at the line "finish", so that CPU time and memory can be read in
 * between. `paced` runs again at each further "go", on the same sessions. The echo answers each message with one of the same size and looks at nothing
 * else of it. A command that goes wrong answers {"error": "..."}.
 *
 * In the open loops a latency counts from the moment at which the message, or the opening, was due,
 * whenever it was made; so a proxy that holds the load generator up does not hide what it does
 * (coordinated omission).
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum {
    BUFFER = 1 << 18,
    HEAD = 8192,
    CONTROL = 192, /* a control frame, or the echo's answer to the opening handshake */
    EVENTS = 256,
    FRAMES = 64,
    LINE = 4096,
    HELD_UP = 64, /* messages that the echo owes a session before it stops reading from it */
    OPENING_AT_ONCE = 32,
};
static const double PATIENCE = 10; /* seconds without progress before a command gives up */

enum mode { ECHO, ROUNDS, PACED, HOLD, STALL, OPEN };

typedef struct {
    size_t payload, size;
    int masked, text;
    char *bytes;
} Frame;

typedef struct Connection {
    struct Connection *next, *previous; /* of all clients */
    int fd, events, open, close_sent;
    enum mode mode;
    SSL *ssl;
    char *head; /* of the opening handshake, while it is being received */
    size_t head_size;
    /* the frame being received */
    unsigned char header[14], control_in[125];
    size_t header_size, payload, payload_left, message;
    int text;
    /* what is being sent: first the rest of `out`, then a control frame, then `owed` messages */
    const char *out;
    size_t out_left, owed, control_size;
    char control[CONTROL];
    const Frame *frame;
    /* of clients */
    size_t received;
    double since; /* when the message or the session was sent or due */
} Connection;

typedef struct {
    double *values;
    size_t count, room;
} Samples;

static int epoll_fd, timer_fd, listener_fd;
static int timer_event, listener_event, input_event; /* their addresses tell events apart */
static SSL_CTX *server_tls, *client_tls;
static char buffer[BUFFER];
static Frame frames[FRAMES];
static Connection *clients;

/* what the next sessions are */
static enum { BINARY, JSON, AUDIO } messages;
static char fields[LINE], request[2 * LINE];
static size_t request_size;
static struct sockaddr_in peer_address;
static int peer_tls;

/* what the command under way has seen */
static Samples latencies, lateness;
static size_t opening, opened, refused, lost, closed, echoes, echoed_bytes, sent_bytes, under_way;
static size_t openings; /* sessions of `open` and `churn` under way */
static char trouble[160];
static double run_ends, interval;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what) {
    fprintf(stderr, "load: %s\n", what);
    exit(1);
}

static void answer(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}

static void add(Samples *samples, double value) {
    if (samples->count == samples->room) {
        samples->room = samples->room ? samples->room * 2 : 1 << 16;
        samples->values = realloc(samples->values, samples->room * sizeof *samples->values);
        if (!samples->values) die("out of memory");
    }
    samples->values[samples->count++] = value;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The smallest value that at least this share of the values does not exceed (nearest rank). */
static double percentile(const Samples *sorted, double share) {
    double rank = share * (double)sorted->count;
    size_t index = (size_t)rank;
    if ((double)index == rank && index) index--;
    return sorted->values[index < sorted->count ? index : sorted->count - 1];
}

static const char *summary(Samples *samples, char *text, size_t room) {
    if (!samples->count) return "null";
    qsort(samples->values, samples->count, sizeof *samples->values, ascending);
    snprintf(text, room,
             "{\"p50\": %.1f, \"p90\": %.1f, \"p99\": %.1f, \"p999\": %.1f, \"max\": %.1f}",
             percentile(samples, 0.5), percentile(samples, 0.9), percentile(samples, 0.99),
             percentile(samples, 0.999), samples->values[samples->count - 1]);
    return text;
}

/* A data frame with one whole message (RFC 6455 5.2), made once for each kind. A session's messages
 * are meant to have one size: those that it is still owed are all sent as the last was. */
static const Frame *frame_of(size_t payload, int masked, int text) {
    Frame *frame = frames;
    for (; frame->bytes; frame++)
        if (frame->payload == payload && frame->masked == masked && frame->text == text)
            return frame;
    if (frame == frames + FRAMES - 1) die("too many sizes of messages");
    unsigned char *out = malloc(payload + 14), mask = masked ? 0x80 : 0;
    if (!out) die("out of memory");
    size_t n = 0;
    out[n++] = text ? 0x81 : 0x82;
    if (payload < 126) {
        out[n++] = (unsigned char)payload | mask;
    } else if (payload < 65536) {
        out[n++] = 126 | mask;
        out[n++] = (unsigned char)(payload >> 8);
        out[n++] = (unsigned char)payload;
    } else {
        out[n++] = 127 | mask;
        for (int shift = 56; shift >= 0; shift -= 8)
            out[n++] = (unsigned char)((uint64_t)payload >> shift);
    }
    static const unsigned char key[4] = {0x12, 0x34, 0x56, 0x78};
    if (masked) {
        memcpy(out + n, key, 4);
        n += 4;
    }
    memset(out + n, 'x', payload);
    const char *opens = text == AUDIO
        ? "{\"type\":\"response.output_audio.delta\",\"delta\":\""
        : "{\"type\":\"bench\",\"pad\":\"";
    if (text && payload >= strlen(opens) + 2) {
        memcpy(out + n, opens, strlen(opens));
        memcpy(out + n + payload - 2, "\"}", 2);
    }
    if (masked)
        for (size_t i = 0; i < payload; i++) out[n + i] ^= key[i & 3];
    *frame = (Frame){payload, n + payload, masked, text, (char *)out};
    return frame;
}

static void wait_for(Connection *connection, int events) {
    if (connection->events == events) return;
    struct epoll_event event = {.events = (unsigned)events, .data.ptr = connection};
    if (epoll_ctl(epoll_fd, connection->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, connection->fd,
                  &event))
        die("epoll_ctl");
    connection->events = events;
}

static Connection *new_connection(int fd, enum mode mode, SSL_CTX *tls) {
    Connection *connection = calloc(1, sizeof *connection);
    if (!connection || !(connection->head = malloc(HEAD))) die("out of memory");
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    connection->fd = fd;
    connection->mode = mode;
    if (tls) {
        connection->ssl = SSL_new(tls);
        SSL_set_fd(connection->ssl, fd);
        if (mode == ECHO)
            SSL_set_accept_state(connection->ssl);
        else {
            SSL_set_tlsext_host_name(connection->ssl, "localhost");
            SSL_set_connect_state(connection->ssl);
        }
    }
    if (mode == ECHO) {
        echoes++;
    } else {
        openings += mode == OPEN;
        connection->next = clients;
        if (clients) clients->previous = connection;
        clients = connection;
    }
    return connection;
}

static void end(Connection *connection) {
    if (connection->mode == ECHO) {
        echoes--;
    } else {
        openings -= connection->mode == OPEN;
        if (connection->previous)
            connection->previous->next = connection->next;
        else
            clients = connection->next;
        if (connection->next) connection->next->previous = connection->previous;
    }
    if (connection->ssl) {
        if (connection->close_sent) SSL_shutdown(connection->ssl);
        SSL_free(connection->ssl);
    }
    close(connection->fd);
    free(connection->head);
    free(connection);
}

/* Bytes read or written; 0 when it has to wait, `wanted` then says for what; -1 at the end. */
static ssize_t transfer(Connection *connection, void *in, const char *out, size_t size,
                        int *wanted) {
    *wanted = in ? EPOLLIN : EPOLLOUT;
    if (!connection->ssl) {
        ssize_t n =
            in ? recv(connection->fd, in, size, 0) : send(connection->fd, out, size, MSG_NOSIGNAL);
        if (n > 0) return n;
        return n < 0 && (errno == EAGAIN || errno == ENOTCONN) ? 0 : -1;
    }
    ERR_clear_error(); /* SSL_get_error looks at what other connections left there */
    int n =
        in ? SSL_read(connection->ssl, in, (int)size) : SSL_write(connection->ssl, out, (int)size);
    if (n > 0) return n;
    int error = SSL_get_error(connection->ssl, n);
    *wanted = error == SSL_ERROR_WANT_WRITE ? EPOLLOUT : EPOLLIN;
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

/* Sends what can be sent, and says what to wait for. -1 when the connection has ended. */
static int flush(Connection *connection) {
    for (;;) {
        if (!connection->out_left) {
            if (connection->control_size) {
                connection->out = connection->control;
                connection->out_left = connection->control_size;
                connection->control_size = 0;
            } else if (connection->owed && connection->open && !connection->close_sent) {
                connection->owed--;
                connection->out = connection->frame->bytes;
                connection->out_left = connection->frame->size;
            } else {
                break;
            }
        }
        int wanted;
        ssize_t n = transfer(connection, NULL, connection->out, connection->out_left, &wanted);
        if (n < 0) return -1;
        if (!n) {
            int reads = connection->owed < HELD_UP ? EPOLLIN : 0;
            wait_for(connection, wanted | reads);
            return 0;
        }
        connection->out += n;
        connection->out_left -= (size_t)n;
        if (connection->mode == STALL) sent_bytes += (size_t)n;
    }
    wait_for(connection, EPOLLIN);
    return 0;
}

static int send_message(Connection *connection) {
    connection->owed++;
    return connection->owed == 1 && !connection->out_left ? flush(connection) : 0;
}

/* Control frames (RFC 6455 5.5); one that is due while another waits to be sent is left out. */
static int send_control(Connection *connection, int opcode, const unsigned char *payload,
                        size_t size) {
    int busy = connection->control_size ||
               (connection->out_left && connection->out >= connection->control &&
                connection->out < connection->control + CONTROL);
    if (busy) return 0;
    size_t n = 0;
    int masked = connection->mode != ECHO;
    connection->control[n++] = (char)(0x80 | opcode);
    connection->control[n++] = (char)(size | (masked ? 0x80 : 0));
    if (masked) {
        memset(connection->control + n, 0, 4);
        n += 4;
    }
    memcpy(connection->control + n, payload, size);
    connection->control_size = n + size;
    if (opcode == 8) connection->close_sent = 1;
    return connection->out_left ? 0 : flush(connection);
}

static int send_close(Connection *connection) {
    return send_control(connection, 8, (const unsigned char *)"\x03\xe8", 2);
}

/* What happens at a client's end; -1 when the connection has ended. */
static int session_opened(Connection *connection) {
    opening--;
    opened++;
    if (connection->mode == OPEN) {
        add(&latencies, (now() - connection->since) * 1e6);
        return send_close(connection);
    }
    if (connection->mode == STALL) {
        connection->owed = SIZE_MAX / 2;
        return flush(connection);
    }
    return 0;
}

static int message_received(Connection *connection) {
    if (connection->mode == ECHO) {
        connection->frame = frame_of(connection->message, 0, connection->text);
        return send_message(connection);
    }
    double moment = now();
    if (connection->mode == ROUNDS) {
        add(&latencies, (moment - connection->since) * 1e6);
        if (moment >= run_ends) {
            under_way--;
            return 0;
        }
        connection->since = moment;
        return send_message(connection);
    }
    if (connection->mode == PACED) {
        double due = connection->since + (double)connection->received++ * interval;
        add(&latencies, (moment - due) * 1e6);
        under_way--;
    }
    return 0;
}

static int control_received(Connection *connection) {
    int opcode = connection->header[0] & 15;
    if (opcode == 9)
        return send_control(connection, 10, connection->control_in, connection->payload);
    if (opcode != 8) return 0;
    if (!connection->close_sent && send_close(connection)) return -1;
    if (connection->mode == OPEN) closed++;
    /* The server ends the TCP connection first (RFC 6455 7.1.1). */
    return connection->mode == ECHO && !connection->out_left ? -1 : 0;
}

/* Bytes of the extended payload length (RFC 6455 5.2). */
static size_t extended_size(const Connection *connection) {
    size_t length = connection->header[1] & 127;
    if (length < 126) return 0;
    return length == 126 ? 2 : 8;
}

static size_t header_needed(const Connection *connection) {
    if (connection->header_size < 2) return 2;
    return 2 + extended_size(connection) + (connection->header[1] & 128 ? 4 : 0);
}

static int header_received(Connection *connection) {
    size_t extended = extended_size(connection);
    size_t length = extended ? 0 : connection->header[1] & 127;
    for (size_t i = 0; i < extended; i++) length = length << 8 | connection->header[2 + i];
    connection->payload = connection->payload_left = length;
    int opcode = connection->header[0] & 15;
    if (opcode == 1 || opcode == 2) connection->text = opcode == 1 ? (messages == AUDIO ? AUDIO : JSON) : BINARY;
    return (opcode & 8) && length > sizeof connection->control_in ? -1 : 0;
}

static void keep_control(Connection *connection, const unsigned char *data, size_t size) {
    size_t at = connection->payload - connection->payload_left;
    const unsigned char *key = connection->header + connection->header_size - 4;
    int masked = connection->header[1] & 128;
    for (size_t i = 0; i < size; i++)
        connection->control_in[at + i] = data[i] ^ (masked ? key[(at + i) & 3] : 0);
}

static int frame_received(Connection *connection) {
    connection->header_size = 0;
    if (connection->header[0] & 8) return control_received(connection);
    connection->message += connection->payload;
    if (!(connection->header[0] & 128)) return 0; /* not the last frame of its message */
    int ended = message_received(connection);
    connection->message = 0;
    return ended;
}

static int receive_frames(Connection *connection, const unsigned char *data, size_t size) {
    while (size) {
        if (connection->header_size < header_needed(connection)) {
            connection->header[connection->header_size++] = *data++;
            size--;
            if (connection->header_size < header_needed(connection)) continue;
            if (header_received(connection)) return -1;
        }
        size_t taken = size < connection->payload_left ? size : connection->payload_left;
        if (connection->header[0] & 8) keep_control(connection, data, taken);
        data += taken;
        size -= taken;
        connection->payload_left -= taken;
        if (connection->payload_left) return 0;
        if (frame_received(connection)) return -1;
    }
    return 0;
}

static int accept_session(Connection *connection) {
    static const char name[] = "sec-websocket-key:";
    char line[64], digest[SHA_DIGEST_LENGTH], *key = strcasestr(connection->head, name);
    if (!key) return -1;
    key += sizeof name - 1;
    while (*key == ' ') key++;
    int n = snprintf(line, sizeof line, "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
    SHA1((unsigned char *)line, (size_t)n, (unsigned char *)digest);
    char accept[64];
    EVP_EncodeBlock((unsigned char *)accept, (unsigned char *)digest, SHA_DIGEST_LENGTH);
    connection->control_size = (size_t)snprintf(
        connection->control, CONTROL,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: %s\r\n\r\n",
        accept);
    return flush(connection);
}

/* The opening handshake, and the frames that may come right behind it. */
static int receive_head(Connection *connection, size_t size) {
    if (connection->head_size + size >= HEAD) return -1;
    memcpy(connection->head + connection->head_size, buffer, size);
    connection->head_size += size;
    connection->head[connection->head_size] = 0;
    char *end = strstr(connection->head, "\r\n\r\n");
    if (!end) return 0;
    if (connection->mode == ECHO) {
        if (accept_session(connection)) return -1;
    } else if (strncmp(connection->head, "HTTP/1.1 101", 12)) {
        if (!*trouble)
            snprintf(trouble, sizeof trouble, "refused: %.*s",
                     (int)strcspn(connection->head, "\r\n\"\\"), connection->head);
        return -1;
    }
    connection->open = 1;
    char *head = connection->head, *rest = end + 4;
    size_t rest_size = connection->head_size - (size_t)(rest - head);
    connection->head = NULL;
    int ended = connection->mode != ECHO && session_opened(connection);
    if (!ended) ended = receive_frames(connection, (unsigned char *)rest, rest_size);
    free(head);
    return ended;
}

/* Returns -1 when the connection has ended. */
static int serve(Connection *connection, unsigned events) {
    if (connection->out_left || connection->control_size || connection->owed) {
        if (flush(connection)) return -1;
    } else if (events & EPOLLOUT) {
        wait_for(connection, EPOLLIN);
    }
    if (connection->mode == ECHO && connection->close_sent && !connection->out_left) return -1;
    /* SSL_write ends a TLS handshake that it began: SSL_read would take in what it waits for. */
    if (connection->out_left && connection->ssl && !SSL_is_init_finished(connection->ssl)) return 0;
    do {
        if (connection->open && connection->owed >= HELD_UP)
            return events & (EPOLLERR | EPOLLHUP) ? -1 : 0;
        int wanted;
        ssize_t n = transfer(connection, buffer, NULL, BUFFER, &wanted);
        if (!n) {
            if (wanted == EPOLLOUT) wait_for(connection, EPOLLIN | EPOLLOUT);
            return 0;
        }
        if (n < 0) return -1;
        if (connection->mode == ECHO) echoed_bytes += (size_t)n;
        if (connection->open ? receive_frames(connection, (unsigned char *)buffer, (size_t)n)
                             : receive_head(connection, (size_t)n))
            return -1;
    } while (connection->ssl && SSL_has_pending(connection->ssl));
    return 0;
}

static void ended(Connection *connection) {
    if (connection->mode != ECHO) {
        if (!connection->open) {
            opening--;
            refused++;
            if (!*trouble) snprintf(trouble, sizeof trouble, "a connection ended before its 101");
        } else if (connection->mode != OPEN) {
            lost++;
        }
    }
    end(connection);
}

static void refill_input(void);

static void poll_once(int timeout) {
    struct epoll_event events[EVENTS];
    int count = epoll_wait(epoll_fd, events, EVENTS, timeout);
    for (int i = 0; i < count; i++) {
        void *what = events[i].data.ptr;
        if (what == &listener_event) {
            int fd;
            while ((fd = accept4(listener_fd, NULL, NULL, SOCK_NONBLOCK)) >= 0)
                wait_for(new_connection(fd, ECHO, server_tls), EPOLLIN);
        } else if (what == &input_event) {
            refill_input();
        } else if (what == &timer_event) {
            uint64_t ticks;
            if (read(timer_fd, &ticks, sizeof ticks) < 0 && errno != EAGAIN)
                die("cannot read the timer");
        } else if (serve(what, events[i].events)) {
            ended(what);
        }
    }
}

/* Input: lines, read only when one is asked for, while the echo is being served. */
static char input[LINE], line[LINE];
static size_t input_size;

static void refill_input(void) {
    ssize_t n = read(STDIN_FILENO, input + input_size, sizeof input - input_size - 1);
    if (n <= 0) exit(0);
    input_size += (size_t)n;
    input[input_size] = 0;
}

static const char *next_line(void) {
    char *end;
    while (!(end = memchr(input, '\n', input_size))) {
        if (input_size >= sizeof input - 1) die("a line is too long");
        poll_once(-1);
    }
    size_t size = (size_t)(end - input);
    memcpy(line, input, size);
    line[size] = 0;
    input_size -= size + 1;
    memmove(input, end + 1, input_size);
    return line;
}

static void expect(const char *wanted) {
    if (strcmp(next_line(), wanted)) die("an unexpected line");
}

/* Whether to run once more: the next line is "go" or "finish". */
static int goes_on(void) {
    const char *wanted = next_line();
    if (!strcmp(wanted, "go")) return 1;
    if (strcmp(wanted, "finish")) die("an unexpected line");
    return 0;
}

/* A timer that wakes epoll; 0 stops it. */
static void tick_every(double seconds) {
    if (seconds > 0 && seconds < 50e-6) seconds = 50e-6;
    struct timespec t = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    struct itimerspec timer = {t, t};
    timerfd_settime(timer_fd, 0, &timer, NULL);
}

static void begin_command(int port, int tls, const char *target) {
    latencies.count = lateness.count = 0;
    opening = opened = refused = lost = closed = under_way = sent_bytes = 0;
    *trouble = 0;
    peer_tls = tls;
    peer_address = (struct sockaddr_in){.sin_family = AF_INET,
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                        .sin_port = htons((unsigned short)port)};
    request_size = (size_t)snprintf(
        request, sizeof request,
        "GET %s HTTP/1.1\r\nHost: localhost:%d\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n",
        target, port, fields);
}

static Connection *start_session(enum mode mode, double since) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (fd < 0 || (connect(fd, (struct sockaddr *)&peer_address, sizeof peer_address) &&
                   errno != EINPROGRESS)) {
        snprintf(trouble, sizeof trouble, "cannot connect: %s", strerror(errno));
        if (fd >= 0) close(fd);
        refused++;
        return NULL;
    }
    Connection *connection = new_connection(fd, mode, peer_tls ? client_tls : NULL);
    connection->since = since;
    connection->out = request;
    connection->out_left = request_size;
    opening++;
    wait_for(connection, EPOLLOUT);
    return connection;
}

/* Opens sessions, some at once. Returns -1, having answered, unless all were opened. */
static int open_sessions(enum mode mode, size_t count, size_t size, Connection **table) {
    const Frame *frame = mode == HOLD ? NULL : frame_of(size, 1, messages);
    double moved = now();
    size_t started = 0, seen = 0;
    while (opened < count && !refused && !lost) {
        for (; opening < OPENING_AT_ONCE && started < count && !refused; started++) {
            Connection *connection = start_session(mode, 0);
            if (!connection) break;
            connection->frame = frame;
            if (table) table[started] = connection;
        }
        poll_once(100);
        if (opened != seen) {
            seen = opened;
            moved = now();
        }
        if (now() - moved > PATIENCE) break;
    }
    if (opened == count && !lost) return 0;
    answer("{\"error\": \"opened %zu of %zu sessions, %s\"}", opened, count,
           *trouble ? trouble
           : lost   ? "lost some"
                    : "the rest timed out");
    return -1;
}

static void end_sessions(unsigned modes) {
    for (Connection *connection = clients, *next; connection; connection = next) {
        next = connection->next;
        if (modes & 1u << connection->mode) end(connection);
    }
}

/* One message there and back on each of so many sessions, so that what a proxy does at the first is
 * not measured. Returns -1, having answered, unless all came back. */
static int warm_up(enum mode mode, size_t count) {
    run_ends = 0; /* nothing follows the answer */
    under_way = count;
    for (Connection *each = clients; each; each = each->next) {
        if (each->mode != mode) continue;
        each->since = now();
        if (send_message(each)) lost++;
    }
    double moved = now();
    for (size_t seen = under_way; under_way && !lost && now() - moved < PATIENCE;) {
        poll_once(100);
        if (under_way != seen) {
            seen = under_way;
            moved = now();
        }
    }
    latencies.count = 0;
    if (!under_way && !lost) return 0;
    answer("{\"error\": \"%zu of %zu sessions had no answer to their first message\"}",
           under_way ? under_way : lost, count);
    return -1;
}

/* Waits until the echo's ends of what was closed have ended too; some proxies take their time. */
static void settle(size_t before) {
    double limit = now() + 2;
    while (echoes > before && now() < limit) poll_once(10);
}

static void run_rounds(size_t connections, size_t size, double seconds) {
    char text[256];
    size_t before = echoes;
    if (!open_sessions(ROUNDS, connections, size, NULL) && !warm_up(ROUNDS, connections)) {
        answer("{\"ready\": %zu}", opened);
        expect("go");
        double started = now(), used = cpu();
        run_ends = started + seconds;
        under_way = connections;
        for (Connection *each = clients; each; each = each->next) {
            if (each->mode != ROUNDS) continue;
            each->since = now();
            if (send_message(each)) lost++;
        }
        while (under_way && !lost && now() < run_ends + PATIENCE) poll_once(1000);
        double elapsed = now() - started;
        used = cpu() - used;
        if (lost || under_way)
            answer("{\"error\": \"%zu of %zu sessions ended or stopped in a run\"}",
                   lost + under_way, connections);
        else
            answer("{\"round_trips\": %zu, \"seconds\": %.6f, \"cpu\": %.6f, \"latency\": %s}",
                   latencies.count, elapsed, used, summary(&latencies, text, sizeof text));
        expect("finish");
        end_sessions(1u << ROUNDS);
        settle(before);
        answer("{}");
        return;
    }
    end_sessions(1u << ROUNDS);
    settle(before);
}

/* One run on sessions that are open. */
static void pace(Connection **table, size_t connections, double rate, double seconds) {
    char text[256], late[256];
    latencies.count = lateness.count = 0;
    interval = 1 / rate;
    double gap = interval / (double)connections, used = cpu();
    size_t total = (size_t)(seconds * rate * (double)connections + 0.5), sent = 0;
    double first_due = now() + 0.01;
    for (size_t i = 0; i < connections; i++) {
        table[i]->since = first_due + (double)i * gap;
        table[i]->received = 0;
    }
    under_way = total;
    tick_every(gap);
    double moment = now(), limit = first_due + seconds + PATIENCE / 2;
    while (under_way && !lost && moment < limit) {
        poll_once(100);
        moment = now();
        for (double due;
             sent < total && (due = first_due + (double)sent * gap) <= moment && !lost; sent++) {
            add(&lateness, (moment - due) * 1e6);
            if (send_message(table[sent % connections])) lost++;
        }
    }
    tick_every(0);
    answer("{\"messages\": %zu, \"lost\": %zu, \"ended\": %zu, \"seconds\": %.6f, \"cpu\": %.6f, "
           "\"latency\": %s, \"lateness\": %s}",
           total, under_way, lost, now() - first_due, cpu() - used,
           summary(&latencies, text, sizeof text), summary(&lateness, late, sizeof late));
}

static void run_paced(size_t connections, size_t size, double rate, double seconds) {
    size_t before = echoes;
    Connection **table = calloc(connections, sizeof *table);
    int ready = !open_sessions(PACED, connections, size, table) && !warm_up(PACED, connections);
    if (ready) {
        answer("{\"ready\": %zu}", opened);
        while (goes_on()) {
            if (lost || under_way) /* an answer that comes now would count for another message */
                answer("{\"error\": \"the run before has lost messages\"}");
            else
                pace(table, connections, rate, seconds);
        }
    }
    end_sessions(1u << PACED);
    settle(before);
    if (ready) answer("{}");
    free(table);
}

static void run_hold(size_t connections) {
    double started = now();
    if (!open_sessions(HOLD, connections, 0, NULL))
        answer("{\"held\": %zu, \"seconds\": %.6f}", opened, now() - started);
    else
        end_sessions(1u << HOLD);
}

/* Until nothing has moved for half a second. */
static void run_stall(size_t connections, size_t size) {
    size_t seen = 0, echoed = echoed_bytes;
    if (open_sessions(STALL, connections, size, NULL)) {
        end_sessions(1u << STALL);
        return;
    }
    double moved = now(), limit = moved + PATIENCE;
    while (now() - moved < 0.5 && now() < limit) {
        poll_once(20);
        if (sent_bytes + echoed_bytes != seen) {
            seen = sent_bytes + echoed_bytes;
            moved = now();
        }
    }
    answer("{\"stalled\": %zu, \"sent\": %zu, \"echoed\": %zu}", opened - lost, sent_bytes,
           echoed_bytes - echoed);
}

static void run_drop(void) {
    size_t count = 0;
    for (Connection *each = clients; each; each = each->next) count++;
    end_sessions(1u << HOLD | 1u << STALL);
    settle(0);
    answer("{\"dropped\": %zu}", count);
}

/* Opens `total` sessions: the k-th is due after k * `gap` seconds or, without a gap, as soon as
 * fewer than `at_once` are under way. Those that take too long have failed. */
static void run_open(size_t total, double gap, size_t at_once) {
    char text[256];
    double started = now(), used = cpu(), moved = started, last = started;
    size_t due = 0, seen_opened = 0, seen_ended = 0;
    tick_every(gap);
    while ((due < total || openings) && now() - moved < PATIENCE) {
        double moment = now();
        for (; due < total; due++) {
            double since = gap > 0 ? started + (double)due * gap : moment;
            if (gap > 0 ? since > moment : openings >= at_once) break;
            start_session(OPEN, since);
        }
        poll_once(100);
        size_t ended_now = due - openings;
        if (opened != seen_opened) last = now();
        if (opened != seen_opened || ended_now != seen_ended) moved = now();
        seen_opened = opened;
        seen_ended = ended_now;
    }
    tick_every(0);
    answer(
        "{\"due\": %zu, \"opened\": %zu, \"closed\": %zu, \"left\": %zu, \"opening_seconds\": "
        "%.6f, "
        "\"seconds\": %.6f, \"cpu\": %.6f, \"latency\": %s, \"trouble\": \"%s\"}",
        total, opened, closed, openings, last - started, now() - started, cpu() - used,
        summary(&latencies, text, sizeof text), trouble);
    end_sessions(1u << OPEN);
}

static void run_command(const char *command) {
    char word[16], target[512];
    int port, tls, read_so_far;
    size_t count, size;
    double rate, seconds;
    if (!strcmp(command, "reset")) {
        *fields = 0;
        messages = BINARY;
        answer("{}");
    } else if (!strcmp(command, "json")) {
        messages = JSON;
        answer("{}");
    } else if (!strcmp(command, "audio")) {
        messages = AUDIO;
        answer("{}");
    } else if (!strncmp(command, "field ", 6)) {
        size_t used = strlen(fields);
        snprintf(fields + used, sizeof fields - used, "%s\r\n", command + 6);
        answer("{}");
    } else if (!strcmp(command, "drop")) {
        run_drop();
    } else if (sscanf(command, "%15s %d %d %511s %n", word, &port, &tls, target, &read_so_far) ==
               4) {
        const char *rest = command + read_so_far;
        begin_command(port, tls, target);
        if (!strcmp(word, "rounds") && sscanf(rest, "%zu %zu %lf", &count, &size, &seconds) == 3)
            run_rounds(count, size, seconds);
        else if (!strcmp(word, "paced") &&
                 sscanf(rest, "%zu %zu %lf %lf", &count, &size, &rate, &seconds) == 4)
            run_paced(count, size, rate, seconds);
        else if (!strcmp(word, "hold") && sscanf(rest, "%zu", &count) == 1)
            run_hold(count);
        else if (!strcmp(word, "stall") && sscanf(rest, "%zu %zu", &count, &size) == 2)
            run_stall(count, size);
        else if (!strcmp(word, "open") && sscanf(rest, "%lf %lf", &rate, &seconds) == 2)
            run_open((size_t)(rate * seconds + 0.5), 1 / rate, 0);
        else if (!strcmp(word, "churn") && sscanf(rest, "%zu %zu", &count, &size) == 2)
            run_open(count, 0, size);
        else
            answer("{\"error\": \"malformed line\"}");
    } else {
        answer("{\"error\": \"malformed line\"}");
    }
}

static SSL_CTX *tls_context(const SSL_METHOD *method) {
    SSL_CTX *context = SSL_CTX_new(method);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(context, 1);
    return context;
}

static void watch(int fd, int *tag) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = tag};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event)) die("epoll_ctl");
}

int main(int argc, char **argv) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    signal(SIGPIPE, SIG_IGN);
    epoll_fd = epoll_create1(0);
    client_tls = tls_context(TLS_client_method());
    if (argc == 3) {
        server_tls = tls_context(TLS_server_method());
        if (SSL_CTX_use_certificate_chain_file(server_tls, argv[1]) != 1 ||
            SSL_CTX_use_PrivateKey_file(server_tls, argv[2], SSL_FILETYPE_PEM) != 1)
            die("cannot read the certificate");
    }
    listener_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    if (bind(listener_fd, (struct sockaddr *)&address, size) || listen(listener_fd, 4096))
        die("cannot listen");
    getsockname(listener_fd, (struct sockaddr *)&address, &size);
    timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    watch(listener_fd, &listener_event);
    watch(timer_fd, &timer_event);
    watch(STDIN_FILENO, &input_event);
    answer("{\"port\": %d}", ntohs(address.sin_port));
    for (;;) run_command(next_line());
}
