package dev.millrace.client;

import io.grpc.ConnectivityState;
import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.MetadataUtils;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * One channel a target. All calls go to the same target until it fails; then the next one's turn
 * comes, round and round.
 */
final class Channels implements AutoCloseable {
  private static final Duration CLOSING = Duration.ofSeconds(2);

  private final EventLoopGroup eventLoops;
  private final List<Target> targets;
  private final List<ManagedChannel> channels;
  private final AtomicInteger turn = new AtomicInteger();

  /** A channel, and whose it is. */
  record Choice(int index, Target target, ManagedChannel channel) {}

  Channels(List<Target> targets, ClientSettings settings) {
    if (targets.isEmpty() || targets.size() > Target.MOST) {
      throw new IllegalArgumentException(
          "a client takes 1 to " + Target.MOST + " targets, not " + targets.size());
    }
    this.targets = List.copyOf(targets);
    // A connection has one thread of these; those that aren't needed aren't started.
    this.eventLoops =
        new MultiThreadIoEventLoopGroup(
            targets.size(),
            new DefaultThreadFactory("millrace-client", true),
            NioIoHandler.newFactory());
    this.channels = targets.stream().map(target -> open(target, settings)).toList();
  }

  private ManagedChannel open(Target target, ClientSettings settings) {
    NettyChannelBuilder builder =
        NettyChannelBuilder.forAddress(target.host(), target.port())
            .usePlaintext()
            .eventLoopGroup(eventLoops)
            .channelFactory(() -> ConnectionWindow.widen(new NioSocketChannel()))
            .withOption(
                ChannelOption.CONNECT_TIMEOUT_MILLIS, (int) settings.connectTimeout().toMillis())
            .keepAliveTime(settings.keepAliveTime().toNanos(), TimeUnit.NANOSECONDS)
            .keepAliveTimeout(settings.keepAliveTimeout().toNanos(), TimeUnit.NANOSECONDS)
            .flowControlWindow(settings.streamWindowBytes())
            .maxInboundMessageSize(settings.maxMessageBytes())
            // What is tried again is decided here, where it's known what has arrived.
            .disableRetry();
    settings
        .apiKey()
        .map(key -> MetadataUtils.newAttachHeadersInterceptor(key.headers()))
        .ifPresent(builder::intercept);
    settings.channel().accept(builder);
    return builder.build();
  }

  /** Whose turn it is. */
  Choice current() {
    int index = turn.get();
    return new Choice(index, targets.get(index), channels.get(index));
  }

  /**
   * Gives the turn to the next target, unless somebody else has seen the same failure first. A
   * channel that failed to connect before tries again at once instead of when gRPC's own backoff,
   * of up to minutes, is over: whoever calls this waits between tries.
   */
  Choice after(Choice failed) {
    turn.compareAndSet(failed.index(), (failed.index() + 1) % channels.size());
    Choice next = current();
    if (next.channel().getState(false) == ConnectivityState.TRANSIENT_FAILURE) {
      next.channel().enterIdle();
    }
    return next;
  }

  /** Lets running calls end for two seconds, then ends them. */
  @Override
  public void close() {
    channels.forEach(ManagedChannel::shutdown);
    long end = System.nanoTime() + CLOSING.toNanos();
    try {
      for (ManagedChannel channel : channels) {
        if (!channel.awaitTermination(end - System.nanoTime(), TimeUnit.NANOSECONDS)) {
          channel.shutdownNow();
        }
      }
    } catch (InterruptedException e) {
      channels.forEach(ManagedChannel::shutdownNow);
      Thread.currentThread().interrupt();
    }
    eventLoops
        .shutdownGracefully(0, CLOSING.toMillis(), TimeUnit.MILLISECONDS)
        .awaitUninterruptibly(CLOSING.toMillis());
  }
}
