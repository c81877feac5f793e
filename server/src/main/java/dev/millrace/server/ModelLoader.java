package dev.millrace.server;

import dev.millrace.catalog.Catalog;
import dev.millrace.catalog.ModelReference;
import dev.millrace.config.InvalidSettingException;
import dev.millrace.config.ServerSettings;
import dev.millrace.config.SettingsTable;
import dev.millrace.engine.Engine;
import dev.millrace.engine.EngineLoop;
import dev.millrace.engine.EngineSettings;
import dev.millrace.engine.NetworkModel;
import dev.millrace.grpc.ServedModel;
import dev.millrace.kernel.Kernels;
import dev.millrace.kernel.Numerics;
import dev.millrace.kernel.Team;
import dev.millrace.kv.KvPool;
import dev.millrace.model.Metadata;
import dev.millrace.model.ModelFile;
import dev.millrace.model.ModelFormatException;
import dev.millrace.network.Network;
import dev.millrace.network.NetworkConfig;
import dev.millrace.network.StepLimits;
import dev.millrace.pipeline.EngineGenerator;
import dev.millrace.request.ChatSupport;
import dev.millrace.request.ModelProfile;
import dev.millrace.request.SamplingDefaults;
import dev.millrace.sampling.Sampler;
import dev.millrace.tokenizer.Tokenizer;
import dev.millrace.tokenizer.Tokenizers;
import dev.millrace.v1.Model;
import java.lang.foreign.Arena;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** From a model's reference to a warm engine that serves it. */
final class ModelLoader {
  private static final Logger log = LoggerFactory.getLogger(ModelLoader.class);

  /** Positions in a block of the KV pool: one of attention's tiles. */
  private static final int BLOCK_SIZE = Kernels.ATTENTION_TILE;

  /** For log-probabilities of prompts, of which each token wants a row: so many at once. */
  private static final int PROMPT_LOGIT_ROWS = 32;

  private final ServerSettings settings;
  private final Catalog catalog;
  private final Kernels kernels;
  private final Executor delivery;

  /**
   * @param delivery where events reach their readers; outlives all engines
   */
  ModelLoader(ServerSettings settings, Catalog catalog, Kernels kernels, Executor delivery) {
    this.settings = settings;
    this.catalog = catalog;
    this.kernels = kernels;
    this.delivery = delivery;
  }

  /**
   * @param kvCacheBytes this model's share
   * @return a model whose engine runs; closing the engine gives everything back
   */
  ServedModel load(String reference, long kvCacheBytes) {
    long begun = System.nanoTime();
    ModelReference parsed = ModelReference.parse(reference);
    String name = ServedName.of(parsed);
    try (ModelFile file = catalog.open(parsed)) {
      Tokenizer tokenizer = Tokenizers.from(file.metadata());
      NetworkConfig config = NetworkConfig.from(file);
      if (tokenizer.vocabularySize() != config.vocabulary()) {
        throw new ModelFormatException(
            "%s: the tokenizer has %d tokens, the network only %d"
                .formatted(name, tokenizer.vocabularySize(), config.vocabulary()));
      }
      EngineSettings limits = engineSettings(name, config, kvCacheBytes);
      ModelProfile profile =
          ModelProfile.of(
                  name,
                  file.fingerprint() + ", keys and values in " + settings.kvType(),
                  tokenizer,
                  config.contextLength(),
                  (int) Math.min(limits.poolTokens(), Integer.MAX_VALUE),
                  SamplingDefaults.from(file.metadata()),
                  Numerics.of(settings.activations()))
              .with(chatSupport(name, file.metadata(), tokenizer));
      Model description = ModelDescription.of(name, file, config);
      Engine engine = EngineLoop.start(limits, warmModel(file, config, limits), tokenizer);
      log.atInfo()
          .addKeyValue("model", name)
          .addKeyValue("kernels", kernels.name())
          .addKeyValue("activations", settings.activations())
          .addKeyValue("kv_tokens", limits.poolTokens())
          .addKeyValue("ms", Duration.ofNanos(System.nanoTime() - begun).toMillis())
          .log("model loaded");
      return new ServedModel(
          reference, profile, description, engine, new EngineGenerator(engine, delivery));
    }
  }

  /** A template that can't be used leaves a model that still reads plain text. */
  private static ChatSupport chatSupport(String name, Metadata metadata, Tokenizer tokenizer) {
    ChatSupport support = ChatSupport.of(metadata, tokenizer);
    if (support instanceof ChatSupport.Unavailable unavailable) {
      log.atWarn()
          .addKeyValue("model", name)
          .addKeyValue("why", unavailable.why())
          .log("no chat with this model");
    }
    return support;
  }

  /** The pool is as large as its share, but never holds more than could run at once. */
  private EngineSettings engineSettings(String name, NetworkConfig config, long kvCacheBytes) {
    long bytesPerBlock =
        KvPool.bytesPerBlock(
            config.layers(), config.kvHeads(), config.headDim(), BLOCK_SIZE, settings.kvType());
    long wanted = (long) Math.ceilDiv(config.contextLength(), BLOCK_SIZE) * settings.maxRunning();
    long blocks = Math.min(Math.min(kvCacheBytes / bytesPerBlock, wanted), Integer.MAX_VALUE);
    if (blocks < 1) {
      throw new InvalidSettingException(
          SettingsTable.KV_CACHE_MIB.flag(),
          "%s gets %d KiB, and one block of %d tokens takes %d KiB"
              .formatted(name, kvCacheBytes >> 10, BLOCK_SIZE, bytesPerBlock >> 10));
    }
    return new EngineSettings(
        (int) blocks,
        BLOCK_SIZE,
        settings.maxBatchTokens(),
        settings.maxRunning(),
        settings.maxWaiting(),
        settings.stepTimeout(),
        new EngineSettings.Policy(
            settings.maxWaitingTokens(),
            settings.stepTarget(),
            settings.stallTimeout(),
            settings.priorityAgeing(),
            settings.maxDraft()));
  }

  private NetworkModel warmModel(ModelFile file, NetworkConfig config, EngineSettings limits) {
    int context = (int) Math.min(config.contextLength(), limits.poolTokens());
    Deque<AutoCloseable> opened = new ArrayDeque<>(); // the last one is closed first
    try {
      Team team = Team.of(settings.threads());
      opened.push(team);
      Arena scratch = Arena.ofShared();
      opened.push(scratch);
      int logitRows =
          Math.max(limits.logitRows(), Math.min(PROMPT_LOGIT_ROWS, settings.maxBatchTokens()));
      StepLimits step = new StepLimits(settings.maxBatchTokens(), logitRows, context);
      Network network = Network.load(file, kernels, settings.activations(), team, step);
      opened.push(network);
      KvPool pool = pool(config, limits.kvBlocks());
      opened.push(pool);
      List<Sampler> samplers =
          Stream.generate(() -> new Sampler(kernels, config.vocabulary(), scratch))
              .limit(team.size())
              .toList();
      pool.prefault();
      WarmUp.run(network, pool, settings.warmUp());
      Runnable afterwards =
          () -> {
            scratch.close();
            team.close();
          };
      return new NetworkModel(network, pool, team, samplers, afterwards);
    } catch (RuntimeException | Error e) {
      opened.forEach(each -> close(each, e));
      throw e;
    }
  }

  private static void close(AutoCloseable opened, Throwable because) {
    try {
      opened.close();
    } catch (Exception e) {
      because.addSuppressed(e);
    }
  }

  private KvPool pool(NetworkConfig config, int blocks) {
    try {
      return new KvPool(
          config.layers(),
          config.kvHeads(),
          config.headDim(),
          blocks,
          BLOCK_SIZE,
          settings.kvType());
    } catch (IllegalArgumentException e) { // the machine hasn't the memory
      throw new InvalidSettingException(
          SettingsTable.KV_CACHE_MIB.flag(), String.valueOf(e.getMessage()));
    }
  }
}
