using PerfCompare.Agent.Model;

namespace PerfCompare.Agent.Flavours;

/// <summary>A layer of the stack that does the work of an iteration: what is timed.</summary>
internal interface IModelCaller
{
    /// <summary>Opens what the turns of a conversation share, in the caller's own form.</summary>
    ValueTask<object> OpenSessionAsync();

    /// <summary>Asks the iteration's prompt, in its session if it has one, and waits for the answer.</summary>
    Task CallAsync(Iteration iteration, CancellationToken cancellationToken);

    /// <summary>The same in pieces; those with text are told to the iteration as they are seen.</summary>
    Task StreamAsync(Iteration iteration, CancellationToken cancellationToken);
}
