package dev.millrace.catalog;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** Serves one file over HTTP, as well or badly as it is told. */
final class FileServer implements AutoCloseable {
  /** How one request is answered; the next in line, the last for ever. */
  sealed interface Behaviour {
    /** All that was asked for, with ranges. */
    record Serve() implements Behaviour {}

    /** The length is right, but the connection breaks after so many bytes. */
    record BreakAfter(int bytes) implements Behaviour {}

    /** As {@link BreakAfter}, but the connection stays open. */
    record StallAfter(int bytes) implements Behaviour {}

    /** Always the whole file. */
    record IgnoreRange() implements Behaviour {}

    record Status(int code) implements Behaviour {}

    /** To {@code /moved}, naming the file's hash as Hugging Face does. */
    record Redirect(String sha256) implements Behaviour {}
  }

  private final byte[] file;
  private final HttpServer server;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final CountDownLatch closing = new CountDownLatch(1);
  private final Deque<Behaviour> behaviours;

  /** The Range of each request, "" where there was none. */
  final List<String> ranges = new CopyOnWriteArrayList<>();

  final List<String> paths = new CopyOnWriteArrayList<>();

  FileServer(byte[] file, Behaviour... behaviours) throws IOException {
    this.file = file;
    this.behaviours = new ArrayDeque<>(List.of(behaviours));
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setExecutor(threads);
    server.createContext("/", this::answer);
    server.start();
  }

  URI uri(String path) {
    return URI.create("http://localhost:" + server.getAddress().getPort() + "/" + path);
  }

  int requests() {
    return ranges.size();
  }

  private void answer(HttpExchange exchange) throws IOException {
    String range = exchange.getRequestHeaders().getFirst("Range");
    Behaviour behaviour;
    synchronized (this) {
      paths.add(exchange.getRequestURI().getPath());
      ranges.add(range == null ? "" : range);
      behaviour = behaviours.size() > 1 ? behaviours.remove() : behaviours.element();
    }
    int from = range == null ? 0 : Integer.parseInt(range.replaceAll("\\D", ""));
    switch (behaviour) {
      case Behaviour.Serve _ -> send(exchange, from, file.length);
      case Behaviour.IgnoreRange _ -> send(exchange, 0, file.length);
      case Behaviour.BreakAfter(int bytes) -> {
        send(exchange, from, bytes);
        exchange.close();
      }
      case Behaviour.StallAfter(int bytes) -> {
        send(exchange, from, bytes);
        awaitClosing();
      }
      case Behaviour.Status(int code) -> {
        exchange.sendResponseHeaders(code, -1);
        exchange.close();
      }
      case Behaviour.Redirect(String sha256) -> {
        exchange.getResponseHeaders().add("Location", "/moved");
        exchange.getResponseHeaders().add("X-Linked-Etag", '"' + sha256 + '"');
        exchange.sendResponseHeaders(302, -1);
        exchange.close();
      }
    }
  }

  private void send(HttpExchange exchange, int from, int bytes) throws IOException {
    if (from >= file.length) {
      exchange.getResponseHeaders().add("Content-Range", "bytes */" + file.length);
      exchange.sendResponseHeaders(416, -1);
      exchange.close();
      return;
    }
    if (from > 0) {
      exchange
          .getResponseHeaders()
          .add("Content-Range", "bytes %d-%d/%d".formatted(from, file.length - 1, file.length));
    }
    exchange.sendResponseHeaders(from > 0 ? 206 : 200, file.length - from);
    OutputStream body = exchange.getResponseBody();
    body.write(Arrays.copyOfRange(file, from, Math.min(file.length, from + bytes)));
    body.flush();
    if (from + bytes >= file.length) {
      exchange.close();
    }
  }

  private void awaitClosing() {
    try {
      closing.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    closing.countDown();
    server.stop(0);
    threads.close();
  }
}
