using System.Threading.Channels;
using PerfCompare.Agent.Protocol;

namespace PerfCompare.Agent;

/// <summary>
/// Reads stdin on a thread of its own, so that its end is seen at once, whatever the rest does: no
/// parent, no agent.
/// </summary>
internal sealed class StandardInput(Stream input, MessageWriter writer)
{
    // Unbounded on purpose: a bounded one could stop the reader and hide the end of the input.
    private readonly Channel<byte[]> _lines = Channel.CreateUnbounded<byte[]>(
        new() { SingleReader = true, SingleWriter = true });

    public IAsyncEnumerable<byte[]> Lines => _lines.Reader.ReadAllAsync();

    public void Start() => new Thread(Read) { IsBackground = true, Name = "stdin" }.Start();

    private void Read()
    {
        var reader = new LineReader(input);
        try
        {
            while (reader.ReadLine() is { } line)
            {
                _lines.Writer.TryWrite(line);
            }

            Environment.Exit((int)ExitCode.Done);
        }
        catch (LineTooLongException problem)
        {
            writer.Refuse(null, ErrorCode.ParseError, problem.Message);
            Environment.Exit((int)ExitCode.ProtocolBroken);
        }
        catch (IOException problem)
        {
            Log.Write(problem.Message);
            Environment.Exit((int)ExitCode.ProtocolBroken);
        }
    }
}
