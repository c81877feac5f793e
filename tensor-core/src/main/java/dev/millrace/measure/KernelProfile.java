package dev.millrace.measure;

import dev.millrace.kernel.Kernels;
import dev.millrace.kernel.WeightSource;
import dev.millrace.kernel.Weights;
import dev.millrace.kv.KvLayer;
import dev.millrace.tensor.ElementType;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;

/**
 * Where a network's time goes: stands between it and its kernels, and counts every call. A proxy,
 * so that a kernel that is added to the interface is seen without a change here. Each call costs
 * some tenths of a microsecond more; networks that aren't profiled get the kernels themselves.
 */
public final class KernelProfile {
  private final Kernels measured;
  private final Kernels recording;
  private final Map<Place, Count> counts = new ConcurrentHashMap<>();

  private record Place(String kernel, String layer) {}

  private record Count(LongAdder calls, LongAdder nanos, LongAdder bytes) {
    Count() {
      this(new LongAdder(), new LongAdder(), new LongAdder());
    }
  }

  /**
   * All calls of one kernel for one kind of layer.
   *
   * @param kernel the name of a method of {@link Kernels}
   * @param layer whose weights it used: {@code attn_q}, of all layers; empty for kernels without
   * @param nanos that the calls took, all threads together
   * @param bytes of weights, keys and values that they read
   */
  public record Row(String kernel, String layer, long calls, long nanos, long bytes) {}

  /** Weights that know whose they are. */
  private record Named(Weights weights, String layer) implements Weights {
    @Override
    public ElementType type() {
      return weights.type();
    }

    @Override
    public int rows() {
      return weights.rows();
    }

    @Override
    public int columns() {
      return weights.columns();
    }

    @Override
    public long bytes() {
      return weights.bytes();
    }
  }

  public KernelProfile(Kernels measured) {
    this.measured = measured;
    recording =
        (Kernels)
            Proxy.newProxyInstance(
                Kernels.class.getClassLoader(), new Class<?>[] {Kernels.class}, this::record);
  }

  /** {@code blk.3.attn_q.weight} is a layer of the kind {@code attn_q}. */
  private static String kind(String tensor) {
    return tensor.replaceFirst("^blk\\.\\d+\\.", "").replaceFirst("\\.weight$", "");
  }

  /** What the network is to be loaded with. */
  public Kernels kernels() {
    return recording;
  }

  /** Forgets what was counted. */
  public void reset() {
    counts.clear();
  }

  /** What was counted, the longest first. */
  public List<Row> rows() {
    return counts.entrySet().stream()
        .map(
            entry ->
                new Row(
                    entry.getKey().kernel,
                    entry.getKey().layer,
                    entry.getValue().calls.sum(),
                    entry.getValue().nanos.sum(),
                    entry.getValue().bytes.sum()))
        .sorted(Comparator.comparingLong(Row::nanos).reversed())
        .toList();
  }

  private Object record(Object proxy, Method method, Object[] given) throws Throwable {
    Object[] arguments = given == null ? new Object[0] : given.clone();
    String layer = "";
    long bytes = 0;
    for (int i = 0; i < arguments.length; i++) {
      if (arguments[i] instanceof Named named) {
        arguments[i] = named.weights;
        layer = named.layer;
        bytes += bytesRead(named.weights, arguments);
      } else if (arguments[i] instanceof KvLayer cache && method.getName().equals("attend")) {
        bytes += bytesAttended(cache, arguments, i);
      }
    }
    long begun = System.nanoTime();
    Object result;
    try {
      result = method.invoke(measured, arguments);
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
    long nanos = System.nanoTime() - begun;
    if (result instanceof Weights packed) {
      String tensor = arguments[0] instanceof WeightSource source ? source.name() : "";
      return new Named(packed, kind(tensor));
    }
    if (method.getReturnType() != String.class) { // a name costs nothing
      Count count = counts.computeIfAbsent(new Place(method.getName(), layer), _ -> new Count());
      count.calls.increment();
      count.nanos.add(nanos);
      count.bytes.add(bytes);
    }
    return result;
  }

  /** Kernels that share a product end with the outputs [from, to); others read one row. */
  private static long bytesRead(Weights weights, Object[] arguments) {
    int last = arguments.length - 1;
    long rows =
        arguments[last] instanceof Integer to && arguments[last - 1] instanceof Integer from
            ? to - from
            : 1;
    return weights.bytes() * rows / weights.rows();
  }

  /** After the cache come: blocks, kvHead, length, segment. Its rows share what is read. */
  private static long bytesAttended(KvLayer cache, Object[] arguments, int cacheAt) {
    int rows = (int) arguments[cacheAt - 3];
    int length = (int) arguments[cacheAt + 3] + rows - 1;
    int begin = (int) arguments[cacheAt + 4] * Kernels.ATTENTION_SEGMENT;
    long positions = Math.min(length - begin, Kernels.ATTENTION_SEGMENT);
    long all = cache.k().byteSize() + cache.v().byteSize();
    long blocks = cache.k().byteSize() / (cache.keyOffset(1, 0) - cache.keyOffset(0, 0));
    return positions * (all / (blocks * cache.kvHeads() * cache.blockSize()));
  }
}
