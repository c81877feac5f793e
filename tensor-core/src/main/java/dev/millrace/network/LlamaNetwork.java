package dev.millrace.network;

import dev.millrace.kv.KvLayer;
import dev.millrace.kv.KvPool;
import dev.millrace.memory.HugePageArena;
import dev.millrace.model.ModelFile;
import dev.millrace.model.ModelFormatException;
import dev.millrace.network.LlamaLayer.Shared;
import dev.millrace.network.Workspace.LogitBuffers;
import dev.millrace.network.Workspace.TokenBuffers;
import dev.millrace.tensor.Dim.Hidden;
import dev.millrace.tensor.Dim.LogitRows;
import dev.millrace.tensor.Dim.Tokens;
import dev.millrace.tensor.Dim.Vocab;
import dev.millrace.tensor.Matrix;
import dev.millrace.trace.Probe;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The Llama network (Touvron et al. 2023): embedding, layers, a norm, and the head. */
final class LlamaNetwork implements Network {
  private final NetworkConfig config;
  private final StepLimits limits;
  private final Arena arena;
  private final Embedding embedding;
  private final List<LlamaLayer> layers;
  private final RmsNorm<Hidden> outputNorm;
  private final Linear<Hidden, Vocab> head;
  private final Workspace workspace;
  private final TiledLayers tiled;
  private final Step step;
  private final NetworkMemory memory;
  private Probe probe = Probe.NONE;

  static LlamaNetwork load(
      ModelFile file, NetworkConfig config, Backend backend, StepLimits wanted) {
    int maxContext = Math.min(wanted.maxContext(), config.contextLength());
    StepLimits limits = new StepLimits(wanted.maxTokens(), wanted.maxLogitRows(), maxContext);
    Arena arena = HugePageArena.open();
    try {
      return new LlamaNetwork(file, config, backend, limits, arena);
    } catch (OutOfMemoryError e) {
      arena.close();
      throw new ModelFormatException(
          "%s: too little memory for its weights and for steps of %d tokens"
              .formatted(file.name(), limits.maxTokens()),
          e);
    } catch (RuntimeException | Error e) {
      arena.close();
      throw e;
    }
  }

  private LlamaNetwork(
      ModelFile file, NetworkConfig config, Backend backend, StepLimits limits, Arena arena) {
    this.config = config;
    this.limits = limits;
    this.arena = arena;
    Sizes sizes = Sizes.of(config, limits);
    Tensors tensors = new Tensors(file);
    LayerLoader loader = new LayerLoader(tensors, backend, arena);
    CountedArena workspaceArena = new CountedArena(arena);
    embedding = loader.embedding("token_embd.weight", sizes.vocabulary(), sizes.hidden());
    Rope rope =
        new Rope(backend, config.rope(), sizes.headDim(), limits.maxContext(), workspaceArena);
    Shared shared =
        new Shared(
            new Together(backend.team()),
            new KvWriter(backend, rope),
            new Attention(backend, sizes, limits.maxTokens(), limits.maxContext(), workspaceArena));
    layers = new ArrayList<>(config.layers());
    for (int i = 0; i < config.layers(); i++) {
      layers.add(LlamaLayer.load(loader, i, config, sizes, shared));
    }
    outputNorm = loader.norm("output_norm.weight", sizes.hidden(), config.rmsEpsilon());
    Optional<Linear<Hidden, Vocab>> headOfItsOwn =
        tensors.has("output.weight")
            ? Optional.of(loader.head("output.weight", sizes.hidden(), sizes.vocabulary()))
            : Optional.empty();
    tensors.takenByConfig("rope_freqs.weight");
    tensors.refuseOthers();
    loader.pack();
    head = headOfItsOwn.orElseGet(embedding::tiedHead);
    workspace = new Workspace(backend, sizes, loader.quantized(), workspaceArena);
    tiled =
        new TiledLayers(
            layers,
            loader.packedBytes() / layers.size(),
            workspace.tokens(limits.maxTokens()).carried(),
            backend,
            sizes,
            limits,
            loader.quantized(),
            workspaceArena);
    step = new Step(config, limits);
    memory = new NetworkMemory(loader.packedBytes(), workspaceArena.bytes());
  }

  @Override
  public Matrix<LogitRows, Vocab> forward(List<Chunk> chunks, KvPool pool) {
    pool.requireShape(config.layers(), config.kvHeads(), config.headDim());
    step.take(chunks, pool);
    TokenBuffers all = workspace.tokens(step.rows());
    LogitBuffers wanted = workspace.logits(step.logitRows());

    Matrix<Tokens, Hidden> x = embedding.apply(step, all.carried().x());
    probe.see("token_embd", x);
    boolean byTiles = probe.isOff() && tiled.suit(step.rows());
    if (byTiles) {
      tiled.begin(step, pool);
    }
    for (int stage = 0; stage < layers.size(); stage++) {
      if (byTiles) {
        tiled.stage(stage);
      } else {
        LlamaLayer.stage(stage, layers, all.carried(), pool, step, all.layer(), probe);
      }
    }
    lastLayer(all, wanted, pool.layer(layers.size() - 1));
    Activations<LogitRows, Hidden> h =
        outputNorm.apply(wanted.carried().x(), wanted.layer().normed());
    probe.see("output_norm", h.values());
    Matrix<LogitRows, Vocab> logits = head.apply(h, wanted.logits());
    probe.see("logits", logits);
    return logits;
  }

  /** Nobody reads the last layer's rows but those that want logits, or a probe. */
  private void lastLayer(TokenBuffers all, LogitBuffers wanted, KvLayer cache) {
    LlamaLayer last = layers.getLast();
    if (probe.isOff()) {
      step.gather(all.carried(), wanted.carried());
      if (step.logitRows() > 0) {
        last.attendAndFeed(wanted.carried(), cache, step.wanted(), wanted.layer(), probe);
      }
    } else {
      last.attendAndFeed(all.carried(), cache, step, all.layer(), probe);
      step.gather(all.carried(), wanted.carried());
    }
  }

  @Override
  public NetworkConfig config() {
    return config;
  }

  @Override
  public StepLimits limits() {
    return limits;
  }

  @Override
  public NetworkMemory memory() {
    return memory;
  }

  @Override
  public void probe(Probe probe) {
    this.probe = probe;
  }

  @Override
  public void close() {
    arena.close();
  }
}
