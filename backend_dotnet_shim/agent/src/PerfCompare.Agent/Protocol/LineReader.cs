namespace PerfCompare.Agent.Protocol;

/// <summary>
/// Cuts a stream into lines of bytes. A byte order mark at the start and a carriage return before
/// the line feed are dropped; an unfinished line at the end of the stream is not a line.
/// </summary>
internal sealed class LineReader(Stream input)
{
    public const int MaxLineBytes = 8 * 1024 * 1024;

    private static ReadOnlySpan<byte> ByteOrderMark => [0xEF, 0xBB, 0xBF];

    private byte[] _buffer = new byte[64 * 1024];
    private int _start;
    private int _end;
    private bool _atFirstLine = true;

    /// <summary>Waits for the next line; null at the end of the stream.</summary>
    /// <exception cref="LineTooLongException">A line has more than 8 MiB.</exception>
    public byte[]? ReadLine()
    {
        var searched = 0;
        while (true)
        {
            var feed = _buffer.AsSpan(_start + searched, _end - _start - searched).IndexOf((byte)'\n');
            if (feed >= 0)
            {
                return Take(searched + feed);
            }

            searched = _end - _start;
            if (searched > MaxLineBytes)
            {
                throw new LineTooLongException();
            }

            if (!Fill())
            {
                return null;
            }
        }
    }

    private byte[] Take(int length)
    {
        if (length > MaxLineBytes)
        {
            throw new LineTooLongException();
        }

        var line = _buffer.AsSpan(_start, length);
        _start += length + 1;
        if (_atFirstLine && line.StartsWith(ByteOrderMark))
        {
            line = line[ByteOrderMark.Length..];
        }

        _atFirstLine = false;
        return (line is [.., (byte)'\r'] ? line[..^1] : line).ToArray();
    }

    private bool Fill()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _end -= _start;
            _start = 0;
        }

        if (_end == _buffer.Length)
        {
            Array.Resize(ref _buffer, _buffer.Length * 2);
        }

        var read = input.Read(_buffer, _end, _buffer.Length - _end);
        _end += read;
        return read > 0;
    }
}
