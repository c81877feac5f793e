package dev.millrace.trace;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.millrace.tensor.Matrix;
import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * NumPy's file format for one array
 * (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html): written as float32,
 * read value by value as float64 from whatever of float16, float32 or float64 it has.
 */
final class Npy {
  static final String SUFFIX = ".npy";

  private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};
  private static final int ALIGNMENT = 64;

  /** Far more than a header that describes one array of numbers. */
  private static final int MAX_HEADER = 10_000;

  private static final Pattern DESCRIPTION = Pattern.compile("'descr': *'<f([248])'");
  private static final Pattern SHAPE = Pattern.compile("'shape': *\\(([\\d, ]*)\\)");

  private Npy() {}

  static void write(Matrix<?, ?> matrix, OutputStream out) throws IOException {
    out.write(header(matrix.rows(), matrix.columns()));
    ByteBuffer row =
        ByteBuffer.allocate(matrix.columns() * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < matrix.rows(); i++) {
      float[] values =
          matrix
              .data()
              .asSlice((long) i * row.capacity(), row.capacity())
              .toArray(ValueLayout.JAVA_FLOAT);
      row.asFloatBuffer().put(values);
      out.write(row.array());
    }
  }

  private static byte[] header(int rows, int columns) {
    String text =
        "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }".formatted(rows, columns);
    int before = MAGIC.length + 2 + Short.BYTES;
    int length = Math.ceilDiv(before + text.length() + 1, ALIGNMENT) * ALIGNMENT;
    String padded = text + " ".repeat(length - before - text.length() - 1) + "\n";
    return ByteBuffer.allocate(length)
        .order(ByteOrder.LITTLE_ENDIAN)
        .put(MAGIC)
        .put((byte) 1) // version 1.0
        .put((byte) 0)
        .putShort((short) padded.length())
        .put(padded.getBytes(US_ASCII))
        .array();
  }

  /** An array's header, and then its values. */
  static final class Reader implements AutoCloseable {
    private final DataInputStream in;
    private final int bytes; // of a value
    private final List<Long> shape;

    /**
     * @throws IOException if it isn't such an array
     */
    Reader(InputStream stream) throws IOException {
      in = new DataInputStream(new BufferedInputStream(stream, 1 << 16));
      if (!Arrays.equals(in.readNBytes(MAGIC.length), MAGIC)) {
        throw new IOException("not a NumPy array");
      }
      int version = in.readUnsignedByte();
      in.readUnsignedByte(); // the minor one
      int length =
          version == 1
              ? Short.toUnsignedInt(Short.reverseBytes(in.readShort()))
              : Integer.reverseBytes(in.readInt());
      if (length < 0 || length > MAX_HEADER) {
        throw new IOException("a header of " + length + " bytes; allowed are " + MAX_HEADER);
      }
      String header = new String(in.readNBytes(length), US_ASCII);
      Matcher description = DESCRIPTION.matcher(header);
      Matcher sizes = SHAPE.matcher(header);
      if (!description.find() || !sizes.find() || header.contains("'fortran_order': True")) {
        throw new IOException(
            "not little-endian float16, float32 or float64 in C order: " + header.strip());
      }
      bytes = Integer.parseInt(description.group(1));
      shape = shape(sizes.group(1));
    }

    /** Without sizes of 1 in front: a row is the same as a matrix of one row. */
    private static List<Long> shape(String sizes) throws IOException {
      List<Long> shape = new ArrayList<>();
      for (String size : sizes.split("[, ]+", -1)) {
        if (size.length() > 12) {
          throw new IOException("a size of " + size);
        }
        if (!size.isEmpty() && !(shape.isEmpty() && size.equals("1"))) {
          shape.add(Long.parseLong(size));
        }
      }
      return shape;
    }

    List<Long> shape() {
      return shape;
    }

    double next() throws IOException {
      return switch (bytes) {
        case 2 -> Float.float16ToFloat(Short.reverseBytes(in.readShort()));
        case 4 -> Float.intBitsToFloat(Integer.reverseBytes(in.readInt()));
        default -> Double.longBitsToDouble(Long.reverseBytes(in.readLong()));
      };
    }

    @Override
    public void close() throws IOException {
      in.close();
    }
  }
}
