package dev.millrace.gguf;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.millrace.model.Metadata;
import dev.millrace.model.TensorData;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Collection;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Writes GGUF files, version 3. Values get the narrowest of the types that other readers expect:
 * whole numbers uint32, else int32, else int64; others float32 where that loses nothing, else
 * float64.
 */
public final class GgufWriter {
  private static final int VERSION = 3;
  private static final long COPIED_AT_ONCE = 1 << 20;
  private static final Set<ValueType> WHOLE =
      EnumSet.of(ValueType.UINT32, ValueType.INT32, ValueType.INT64);
  private static final Set<ValueType> FRACTIONS = EnumSet.of(ValueType.FLOAT32, ValueType.FLOAT64);

  private final ByteArrayOutputStream header = new ByteArrayOutputStream();
  private final ByteBuffer scalar = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);

  private GgufWriter() {}

  /** Writes a file; it appears whole or not at all. */
  public static void write(Path path, Metadata metadata, Collection<TensorData> tensors)
      throws IOException {
    Path partial = path.resolveSibling(path.getFileName() + ".partial");
    try (FileChannel channel =
        FileChannel.open(
            partial,
            StandardOpenOption.WRITE,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING)) {
      write(channel, metadata, tensors);
    } catch (IOException | RuntimeException e) {
      Files.deleteIfExists(partial);
      throw e;
    }
    Files.move(partial, path, StandardCopyOption.REPLACE_EXISTING);
  }

  /** Writes a file's bytes. */
  public static void write(
      WritableByteChannel channel, Metadata metadata, Collection<TensorData> tensors)
      throws IOException {
    int alignment =
        metadata.findInteger(GgufParser.ALIGNMENT_KEY).orElse(GgufParser.DEFAULT_ALIGNMENT);
    byte[] header = new GgufWriter().header(metadata, tensors, alignment);
    writeFully(channel, ByteBuffer.wrap(header));
    pad(channel, header.length, alignment);
    for (TensorData tensor : tensors) {
      long size = tensor.bytes();
      long piece = Math.max(1, COPIED_AT_ONCE / tensor.rowBytes()) * tensor.rowBytes();
      for (long at = 0; at < size; at += piece) {
        try (Arena scratch = Arena.ofConfined()) {
          long count = Math.min(piece, size - at);
          writeFully(channel, tensor.content().read(at, count, scratch).asByteBuffer());
        }
      }
      pad(channel, size, alignment);
    }
  }

  private byte[] header(Metadata metadata, Collection<TensorData> tensors, int alignment) {
    int32(GgufParser.MAGIC);
    int32(VERSION);
    int64(tensors.size());
    int64(metadata.values().size());
    for (Map.Entry<String, Object> entry : metadata.values().entrySet()) {
      string(entry.getKey());
      ValueType type = typeOf(entry.getValue());
      int32(type.id());
      value(type, entry.getValue());
    }
    long offset = 0;
    for (TensorData tensor : tensors) {
      string(tensor.name());
      int32(tensor.shape().size());
      tensor.shape().reversed().forEach(this::int64);
      int32(tensor.type().ggufId());
      int64(offset);
      offset = roundUp(offset + tensor.bytes(), alignment);
    }
    return header.toByteArray();
  }

  private static ValueType typeOf(Object value) {
    return switch (value) {
      case Boolean _ -> ValueType.BOOL;
      case Long number when number >= 0 && number <= 0xFFFF_FFFFL -> ValueType.UINT32;
      case Long number when number == number.intValue() -> ValueType.INT32;
      case Long _ -> ValueType.INT64;
      case Double number when number.isNaN() || number == number.floatValue() -> ValueType.FLOAT32;
      case Double _ -> ValueType.FLOAT64;
      case String _ -> ValueType.STRING;
      case int[] _, long[] _, float[] _, List<?> _ -> ValueType.ARRAY;
      default ->
          throw new IllegalArgumentException("metadata can't hold a " + value.getClass().getName());
    };
  }

  private void value(ValueType type, Object value) {
    switch (type) {
      case BOOL -> header.write((Boolean) value ? 1 : 0);
      case UINT32, INT32 -> int32(((Long) value).intValue());
      case INT64 -> int64((Long) value);
      case FLOAT32 -> int32(Float.floatToRawIntBits(((Double) value).floatValue()));
      case FLOAT64 -> int64(Double.doubleToRawLongBits((Double) value));
      case STRING -> string((String) value);
      case ARRAY -> array(value);
      default -> throw new IllegalArgumentException("never written: " + type);
    }
  }

  private void array(Object array) {
    switch (array) {
      case int[] ints -> {
        arrayHeader(ValueType.INT32, ints.length);
        for (int each : ints) {
          int32(each);
        }
      }
      case float[] floats -> {
        arrayHeader(ValueType.FLOAT32, floats.length);
        for (float each : floats) {
          int32(Float.floatToRawIntBits(each));
        }
      }
      case long[] longs -> list(Arrays.stream(longs).boxed().toList());
      case List<?> list -> list(list);
      default -> throw new IllegalArgumentException(array.getClass().getName());
    }
  }

  /** All elements get the type that the widest of them needs. */
  private void list(List<?> list) {
    ValueType type =
        list.stream().map(GgufWriter::typeOf).reduce(GgufWriter::wider).orElse(ValueType.STRING);
    arrayHeader(type, list.size());
    list.forEach(each -> value(type, each));
  }

  private static ValueType wider(ValueType a, ValueType b) {
    if (a == b) {
      return a;
    }
    if (WHOLE.contains(a) && WHOLE.contains(b)) {
      return ValueType.INT64;
    }
    if (FRACTIONS.contains(a) && FRACTIONS.contains(b)) {
      return ValueType.FLOAT64;
    }
    throw new IllegalArgumentException("an array can't hold both " + a + " and " + b);
  }

  private void arrayHeader(ValueType type, int length) {
    int32(type.id());
    int64(length);
  }

  private void string(String text) {
    byte[] utf8 = text.getBytes(UTF_8);
    int64(utf8.length);
    header.writeBytes(utf8);
  }

  private void int32(int value) {
    header.write(scalar.putInt(0, value).array(), 0, Integer.BYTES);
  }

  private void int64(long value) {
    header.write(scalar.putLong(0, value).array(), 0, Long.BYTES);
  }

  private static long roundUp(long size, int alignment) {
    return Math.ceilDiv(size, alignment) * alignment;
  }

  private static void pad(WritableByteChannel channel, long size, int alignment)
      throws IOException {
    writeFully(channel, ByteBuffer.allocate((int) (roundUp(size, alignment) - size)));
  }

  private static void writeFully(WritableByteChannel channel, ByteBuffer buffer)
      throws IOException {
    while (buffer.hasRemaining()) {
      channel.write(buffer);
    }
  }
}
