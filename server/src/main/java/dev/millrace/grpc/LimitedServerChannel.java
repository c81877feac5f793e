package dev.millrace.grpc;

import io.netty.channel.Channel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes connections up to a number; further ones are closed before anything is read from them, so
 * that they cost a file handle for a moment.
 */
final class LimitedServerChannel extends NioServerSocketChannel {
  private static final Logger log = LoggerFactory.getLogger(LimitedServerChannel.class);

  private final int maxConnections;
  private final AtomicInteger open = new AtomicInteger(); // closed by their own event loops
  private boolean full; // told the log; this channel's event loop

  LimitedServerChannel(int maxConnections) {
    this.maxConnections = maxConnections;
  }

  @Override
  protected int doReadMessages(List<Object> accepted) throws Exception {
    int count = super.doReadMessages(accepted);
    if (count != 1) { // it accepts one at a time
      return count;
    }
    Channel connection = (Channel) accepted.getLast();
    if (open.get() >= maxConnections) {
      accepted.removeLast();
      connection.unsafe().closeForcibly();
      if (!full) {
        log.warn("{} connections are open: further ones are closed at once", maxConnections);
      }
      full = true;
      return 0;
    }
    full = false;
    open.incrementAndGet();
    connection.closeFuture().addListener(_ -> open.decrementAndGet());
    return count;
  }
}
