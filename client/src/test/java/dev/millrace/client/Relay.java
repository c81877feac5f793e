package dev.millrace.client;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.locks.LockSupport;

/** A wire between client and server, as long as a test wants, to be cut or left half-open. */
final class Relay implements AutoCloseable {
  private final ServerSocket listening;
  private final Target behind;
  private final List<Socket> ends = new CopyOnWriteArrayList<>();
  private final long delayNanos;
  private volatile boolean frozen;

  private record Piece(byte[] bytes, long dueNanos) {}

  private static final Piece END = new Piece(new byte[0], 0);

  Relay(Target behind) throws IOException {
    this(behind, Duration.ZERO);
  }

  /**
   * @param delay each way
   */
  Relay(Target behind, Duration delay) throws IOException {
    this.behind = behind;
    this.delayNanos = delay.toNanos();
    this.listening = new ServerSocket(0, 16, InetAddress.getLoopbackAddress());
    Thread.ofVirtual().start(this::accept);
  }

  Target target() {
    return new Target("127.0.0.1", listening.getLocalPort());
  }

  private void accept() {
    try {
      while (true) {
        Socket client = listening.accept();
        Socket server = new Socket(behind.host(), behind.port());
        ends.addAll(List.of(client, server));
        Thread.ofVirtual().start(() -> pass(client, server));
        Thread.ofVirtual().start(() -> pass(server, client));
      }
    } catch (IOException e) {
      // The test has cut the wire.
    }
  }

  private void pass(Socket from, Socket to) {
    BlockingQueue<Piece> onTheWay = new LinkedBlockingQueue<>();
    Thread.ofVirtual().start(() -> deliver(onTheWay, to));
    byte[] buffer = new byte[4096];
    try (from;
        InputStream in = from.getInputStream()) {
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        if (!frozen) {
          onTheWay.add(new Piece(Arrays.copyOf(buffer, n), System.nanoTime() + delayNanos));
        }
      }
    } catch (IOException e) {
      // Cut, or one end has closed.
    } finally {
      onTheWay.add(END);
    }
  }

  private static void deliver(BlockingQueue<Piece> onTheWay, Socket to) {
    try (to;
        OutputStream out = to.getOutputStream()) {
      for (Piece piece = onTheWay.take(); piece.bytes().length > 0; piece = onTheWay.take()) {
        LockSupport.parkNanos(piece.dueNanos() - System.nanoTime());
        out.write(piece.bytes());
      }
    } catch (IOException | InterruptedException e) {
      // Cut, or one end has closed.
    }
  }

  /** Swallows everything from now on; both ends believe that they are connected. */
  void freeze() {
    frozen = true;
  }

  /** Breaks all connections, without a farewell, and takes no new ones. */
  void cut() {
    try {
      listening.close();
      for (Socket end : ends) {
        end.close();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    cut();
  }
}
