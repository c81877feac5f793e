package dev.millrace.server;

import dev.millrace.catalog.Catalog;
import dev.millrace.catalog.FetchProgress;
import dev.millrace.config.InvalidSettingException;
import dev.millrace.config.ServerSettings;
import dev.millrace.config.SettingsTable;
import dev.millrace.engine.Engine;
import dev.millrace.grpc.GrpcServer;
import dev.millrace.grpc.ServedModel;
import dev.millrace.grpc.ServedModels;
import dev.millrace.kernel.tier.Tiers;
import dev.millrace.security.ApiKeys;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A running server. {@link #listen} takes the port, so that a mistake there shows before minutes of
 * loading; {@link #serve} loads the models, and health says SERVING from then on; {@link #drain}
 * ends it gently. Safe to use from several threads: a signal may come at any time, also while
 * models are loading.
 */
public final class MillraceServer implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(MillraceServer.class);
  private static final long MIB = 1 << 20;

  /** How long ends may take to reach callers that read. */
  private static final Duration FLUSH = Duration.ofSeconds(2);

  private static final long POLL_NANOS = 5_000_000;

  private final ServerSettings settings;
  private final FetchProgress progress;
  private final ServedModels served;
  private final GrpcServer grpc;
  private final ExecutorService delivery;

  private final Object lock = new Object();
  private final List<Engine> engines = new ArrayList<>(); // guarded by lock
  private boolean draining; // guarded by lock: no engine is added any more

  private MillraceServer(
      ServerSettings settings, FetchProgress progress, ServedModels served, GrpcServer grpc) {
    this.settings = settings;
    this.progress = progress;
    this.served = served;
    this.grpc = grpc;
    this.delivery =
        Executors.newFixedThreadPool(
            Math.max(2, Runtime.getRuntime().availableProcessors()),
            Thread.ofPlatform().daemon().name("millrace-delivery-", 0).factory());
  }

  /**
   * Listens and serves.
   *
   * @see #listen
   * @see #serve
   */
  public static MillraceServer start(ServerSettings settings, FetchProgress progress)
      throws IOException {
    MillraceServer server = listen(settings, progress);
    try {
      server.serve();
      return server;
    } catch (RuntimeException | Error e) {
      server.close();
      throw e;
    }
  }

  /**
   * Listens; calls are answered with UNAVAILABLE until {@link #serve} is done.
   *
   * @throws IOException naming the address, if it can't be listened on
   * @throws InvalidSettingException if API keys can't be read
   */
  public static MillraceServer listen(ServerSettings settings, FetchProgress progress)
      throws IOException {
    ServedModels served = new ServedModels();
    Optional<ApiKeys> keys = settings.apiKeys().map(MillraceServer::readKeys);
    GrpcServer grpc = GrpcServer.start(settings.host(), settings.port(), keys, served);
    return new MillraceServer(settings, progress, served, grpc);
  }

  private static ApiKeys readKeys(Path file) {
    try {
      return ApiKeys.read(file);
    } catch (IOException e) {
      throw new InvalidSettingException(SettingsTable.API_KEYS.flag(), "can't be read: " + e);
    } catch (IllegalArgumentException e) {
      throw new InvalidSettingException(
          SettingsTable.API_KEYS.flag(), String.valueOf(e.getMessage()));
    }
  }

  /**
   * Loads the models, warms them up and serves them. Returns early if the server is drained or
   * closed meanwhile.
   *
   * @throws dev.millrace.catalog.ModelUnavailableException if a model can't be had
   * @throws dev.millrace.model.ModelFormatException if a model's file can't be used
   * @throws InvalidSettingException if settings and models don't go together
   */
  public void serve() {
    List<String> references = settings.models().isEmpty() ? List.of("") : settings.models();
    Tiers.Choice choice = Tiers.choose(settings.kernels(), settings.isa());
    log.info("kernels {}: {}", choice.kernels().name(), choice.reason());
    ModelLoader loader =
        new ModelLoader(
            settings, new Catalog(settings.modelCache(), progress), choice.kernels(), delivery);
    long share = settings.kvCacheMib() * MIB / references.size();
    List<ServedModel> models = new ArrayList<>();
    for (String reference : references) {
      ServedModel model = loader.load(reference, share);
      if (!adopt(model.engine())) {
        return;
      }
      refuseSameName(models, model);
      models.add(model);
    }
    served.publish(models);
    grpc.refreshHealth();
    log.atInfo().addKeyValue("host", settings.host()).addKeyValue("port", port()).log("serving");
  }

  /** Takes an engine over, unless everything is to end. */
  private boolean adopt(Engine engine) {
    synchronized (lock) {
      if (!draining) {
        engines.add(engine);
        return true;
      }
    }
    engine.close();
    return false;
  }

  private static void refuseSameName(List<ServedModel> models, ServedModel model) {
    String name = model.profile().name();
    if (models.stream().anyMatch(other -> other.profile().name().equals(name))) {
      throw new InvalidSettingException(
          SettingsTable.MODEL.flag(), "two models would be called " + name);
    }
  }

  /** The port that it listens on. */
  public int port() {
    return grpc.port();
  }

  /**
   * Ends gently: health says NOT_SERVING, new requests are refused with UNAVAILABLE, those that run
   * or wait may finish; what hasn't within the grace time ends with UNAVAILABLE, for its callers to
   * go on elsewhere. Blocks until then.
   */
  public void drain(Duration grace) {
    List<Engine> all = beginDraining();
    grpc.drain();
    all.forEach(Engine::drain);
    log.info("draining, for up to {} s", grace.toSeconds());
    long end = System.nanoTime() + grace.toNanos();
    while (grpc.openCalls() > 0
        && System.nanoTime() < end
        && !Thread.currentThread().isInterrupted()) {
      LockSupport.parkNanos(POLL_NANOS);
    }
    close();
  }

  private List<Engine> beginDraining() {
    synchronized (lock) {
      draining = true;
      return List.copyOf(engines);
    }
  }

  /** Waits until it is closed. */
  public void awaitTermination() throws InterruptedException {
    grpc.awaitTermination();
  }

  /** Ends at once: what runs fails with UNAVAILABLE. */
  @Override
  public void close() {
    List<Engine> all = beginDraining();
    grpc.drain();
    all.forEach(Engine::close);
    try {
      if (!grpc.finish(FLUSH)) {
        log.info("some callers didn't read to the end");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    grpc.close();
    delivery.shutdown();
  }
}
