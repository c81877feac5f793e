package dev.millrace.grpc;

import dev.millrace.request.ModelChat;
import dev.millrace.request.RequestReader;
import dev.millrace.security.ApiKeys;
import io.grpc.BindableService;
import io.grpc.Server;
import io.grpc.ServerInterceptors;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.services.ProtoReflectionService;
import io.grpc.protobuf.services.ProtoReflectionServiceV1;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.Disposable;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;

/**
 * The gRPC door: listens, with all services, health and reflection. It listens before there are
 * models, and says so; what it serves is published later.
 */
public final class GrpcServer implements AutoCloseable {
  /** Requests that wait for being checked and tokenized; each may hold a whole message. */
  static final int MAX_PENDING_READS = 128;

  private static final Duration HEALTH_PERIOD = Duration.ofMillis(200);
  private static final Duration CLOSING = Duration.ofSeconds(5);
  private static final Logger log = LoggerFactory.getLogger(GrpcServer.class);

  /**
   * grpc-java warns, with a stack trace, of every caller that goes away in mid-stream or sends too
   * much. That is its callers' to cause at will, and has its line in our log already. The reference
   * keeps the level: loggers that nobody holds are collected.
   */
  private static final java.util.logging.Logger TRANSPORT_LOG =
      java.util.logging.Logger.getLogger("io.grpc.netty");

  static {
    TRANSPORT_LOG.setLevel(java.util.logging.Level.SEVERE);
  }

  private final Server server;
  private final Health health;
  private final CallRecorder recorder = new CallRecorder();
  private final EventLoopGroup loops; // our own: gRPC's shared ones outlive a failed start
  private final ExecutorService calls;
  private final ExecutorService reads;
  private final Scheduler watch;
  private final Disposable watching;

  /**
   * Starts listening.
   *
   * @param port 0 is any free one
   * @param keys that callers must show one of, if there are any; health and reflection are for all
   * @throws IOException naming the address, if it can't be listened on
   */
  public static GrpcServer start(String host, int port, Optional<ApiKeys> keys, ServedModels models)
      throws IOException {
    return start(host, port, keys, models, TransportLimits.DEFAULT);
  }

  static GrpcServer start(
      String host, int port, Optional<ApiKeys> keys, ServedModels models, TransportLimits limits)
      throws IOException {
    InetSocketAddress address = new InetSocketAddress(host, port);
    if (address.isUnresolved()) {
      throw new IOException("can't listen on " + host + ": there is no such address");
    }
    GrpcServer grpc = new GrpcServer(address, keys, models, limits);
    try {
      grpc.server.start();
      return grpc;
    } catch (IOException e) {
      grpc.close();
      Throwable cause = e.getCause() == null ? e : e.getCause();
      throw new IOException("can't listen on " + host + ":" + port + ": " + cause.getMessage(), e);
    }
  }

  private GrpcServer(
      InetSocketAddress address,
      Optional<ApiKeys> keys,
      ServedModels models,
      TransportLimits limits) {
    int threads = threads();
    loops =
        new MultiThreadIoEventLoopGroup(
            threads, daemons("millrace-io-"), NioIoHandler.newFactory());
    // gRPC queues at most one task a call here, so calls bound it.
    calls = Executors.newFixedThreadPool(threads, daemons("millrace-calls-"));
    reads =
        new ThreadPoolExecutor(
            threads,
            threads,
            0,
            TimeUnit.SECONDS,
            new ArrayBlockingQueue<>(MAX_PENDING_READS),
            daemons("millrace-reads-"));
    health = new Health(models);
    watch = Schedulers.newSingle("millrace-health", true);
    watching =
        watch.schedulePeriodically(
            health::refresh, 0, HEALTH_PERIOD.toMillis(), TimeUnit.MILLISECONDS);
    Scheduler reading = Schedulers.fromExecutorService(reads);
    MessageLimit messages = new MessageLimit(limits.maxMessageBytes());
    Authentication callers = new Authentication(keys);
    RequestReader reader = new RequestReader(new SecureRandom()::nextLong, ModelChat.LOCAL_TIME);
    server =
        configured(NettyServerBuilder.forAddress(address), limits)
            .channelFactory(() -> new LimitedServerChannel(limits.maxConnections()))
            .bossEventLoopGroup(loops)
            .workerEventLoopGroup(loops)
            .executor(calls)
            .addService(
                ServerInterceptors.intercept(
                    new TextGenerationService(models, reader, reading),
                    messages,
                    callers,
                    recorder))
            .addService(
                ServerInterceptors.intercept(
                    new TokenizationService(models, reading), messages, callers))
            .addService(ServerInterceptors.intercept(new ModelService(models), callers))
            .addService(ServerInterceptors.intercept(new EngineService(models), callers))
            .addService(health.service())
            .addService(ProtoReflectionServiceV1.newInstance())
            .addService(oldReflection())
            .build();
  }

  /** Of each pool here; two at least, so that one slow request doesn't hold all others up. */
  static int threads() {
    return Math.max(2, Runtime.getRuntime().availableProcessors());
  }

  private static NettyServerBuilder configured(NettyServerBuilder builder, TransportLimits limits) {
    return builder
        .maxInboundMessageSize(limits.maxReadMessageBytes())
        .maxInboundMetadataSize(limits.maxMetadataBytes())
        .maxConcurrentCallsPerConnection(limits.maxCallsPerConnection())
        .flowControlWindow(limits.windowBytes())
        .maxRstFramesPerWindow(limits.maxResets(), (int) limits.resetPeriod().toSeconds())
        .keepAliveTime(limits.keepAlive().toMillis(), TimeUnit.MILLISECONDS)
        .keepAliveTimeout(limits.keepAliveTimeout().toMillis(), TimeUnit.MILLISECONDS)
        .permitKeepAliveTime(limits.permitKeepAlive().toMillis(), TimeUnit.MILLISECONDS)
        .permitKeepAliveWithoutCalls(true);
  }

  /** v1alpha, which older clients ask for. */
  @SuppressWarnings("deprecation")
  private static BindableService oldReflection() {
    return ProtoReflectionService.newInstance();
  }

  private static ThreadFactory daemons(String prefix) {
    return Thread.ofPlatform().daemon().name(prefix, 0).factory();
  }

  /** The port that it listens on. */
  public int port() {
    return server.getPort();
  }

  /** Tells health at once what the watch would find soon. */
  public void refreshHealth() {
    health.refresh();
  }

  /** Calls that generate and haven't been given their end yet. */
  public int openCalls() {
    return recorder.openCalls();
  }

  /** Health says NOT_SERVING from now on. Calls are taken, and go on, until it is closed. */
  public void drain() {
    health.drain();
  }

  /**
   * Takes no more calls, and waits for those under way to have told their ends.
   *
   * @return whether they all had, within the time
   */
  public boolean finish(Duration within) throws InterruptedException {
    server.shutdown();
    return server.awaitTermination(within.toMillis(), TimeUnit.MILLISECONDS);
  }

  /** Waits until it is closed. */
  public void awaitTermination() throws InterruptedException {
    server.awaitTermination();
  }

  /** Breaks off what is under way. */
  @Override
  public void close() {
    watching.dispose();
    watch.dispose();
    server.shutdownNow();
    try {
      // Calls that are broken off still tell so on these threads.
      if (!server.awaitTermination(CLOSING.toMillis(), TimeUnit.MILLISECONDS)) {
        log.warn("Some calls didn't end within {}", CLOSING);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    reads.shutdown();
    calls.shutdown();
    var _ = loops.shutdownGracefully(0, CLOSING.toSeconds(), TimeUnit.SECONDS);
  }
}
